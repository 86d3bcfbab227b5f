# One room is one folder of src/: a static library with one include root, whose links say what it may include.

# Flags that every target of the project shares.
add_library(slipway_flags INTERFACE)
target_compile_options(slipway_flags INTERFACE -Wall -Wextra -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wshadow=local -Wnon-virtual-dtor -Werror=return-type
                       -Werror=unused-result -fno-fast-math -ffp-contract=off)
if(SLIPWAY_SANITIZE)
  target_compile_options(slipway_flags INTERFACE -fsanitize=${SLIPWAY_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(slipway_flags INTERFACE -fsanitize=${SLIPWAY_SANITIZE})
endif()

# The precompiled header: the standard library's heavy headers, compiled once for all rooms.
add_library(slipway_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(slipway_pch PRIVATE slipway_flags Threads::Threads)
target_compile_options(slipway_pch PUBLIC $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
target_precompile_headers(slipway_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.hpp)

# slipway_room(NAME [ROOMS room ...] [PRIVATE_ROOMS room ...] [LIBRARIES target ...])
#   ROOMS are those whose headers this room's public headers include, PRIVATE_ROOMS those that only its sources include;
#   LIBRARIES are outside libraries, always private. Sources are all *.cpp of the folder, tests aside.
function(slipway_room name)
  cmake_parse_arguments(room "" "" "ROOMS;PRIVATE_ROOMS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/include/*.hpp)
  if(tests)
    list(REMOVE_ITEM sources ${tests})
  endif()
  if(NOT sources)
    set(sources ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
  endif()
  add_library(slipway_${name} STATIC ${sources})
  add_library(slipway::${name} ALIAS slipway_${name})
  target_sources(slipway_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_CURRENT_SOURCE_DIR}/include FILES ${headers})
  target_include_directories(slipway_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(other IN LISTS room_ROOMS)
    target_link_libraries(slipway_${name} PUBLIC slipway_${other})
  endforeach()
  foreach(other IN LISTS room_PRIVATE_ROOMS)
    target_link_libraries(slipway_${name} PRIVATE slipway_${other})
  endforeach()
  target_link_libraries(slipway_${name} PRIVATE slipway_flags ${room_LIBRARIES} Threads::Threads)
  target_precompile_headers(slipway_${name} REUSE_FROM slipway_pch)
  # Sources of a room compiled as one have their headers and templates in common. Tests are few and large.
  set_target_properties(slipway_${name} PROPERTIES UNITY_BUILD_BATCH_SIZE 8 UNITY_BUILD ${SLIPWAY_UNITY})
  if(SLIPWAY_VERIFY_HEADERS)
    set_target_properties(slipway_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
  if(SLIPWAY_BUILD_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_include_directories(${name}_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name}_test PRIVATE slipway_${name} slipway_flags ${room_LIBRARIES} GTest::gtest_main
                          GTest::gmock Threads::Threads)
    foreach(other IN LISTS room_PRIVATE_ROOMS)
      target_link_libraries(${name}_test PRIVATE slipway_${other})
    endforeach()
    target_precompile_headers(${name}_test REUSE_FROM slipway_pch)
    set_property(GLOBAL APPEND PROPERTY SLIPWAY_TESTS ${name}_test)
  endif()
endfunction()
