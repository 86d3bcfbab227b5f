# Writes a file's bytes as a C++ array: cmake -D FROM=... -D TO=... -D HEADER=... -D NAMESPACE=... -D NAME=... -P embed.cmake
# HEADER declares NAME and NAME_size in NAMESPACE.
file(READ ${FROM} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${TO} "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n"
     "const unsigned char ${NAME}[] = {\n${bytes}};\nconst std::size_t ${NAME}_size = sizeof(${NAME});\n\n"
     "}  // namespace ${NAMESPACE}\n")
