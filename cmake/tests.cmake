# Unit tests: one executable per room, found by slipway_room().
include(GoogleTest)
get_property(unit_tests GLOBAL PROPERTY SLIPWAY_TESTS)
foreach(test IN LISTS unit_tests)
  add_test(NAME ${test} COMMAND ${test} --gtest_brief=1)
endforeach()
