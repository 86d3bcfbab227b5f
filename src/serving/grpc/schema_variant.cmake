# Writes a schema of grpc/published/ in another form: cmake -D FROM=... -D TO=... [-D PACKAGE=...] -P schema_variant.cmake
# With PACKAGE, the same messages in that package. Without, what is compiled: the same bytes on the wire, but text is
# bytes (what must be UTF-8 is checked where it is read, with an error that names the field), maps are lists of entries
# (their order is kept), and a package name of its own keeps the symbols apart from those of other programs' stubs.
file(READ ${FROM} schema)
if(DEFINED PACKAGE)
  string(REGEX REPLACE "package [a-z0-9_.]+;" "package ${PACKAGE};" schema "${schema}")
else()
  string(REGEX REPLACE "package ([a-z0-9_.]+);" "package slipway.wire.\\1;\noption optimize_for = LITE_RUNTIME;" schema
         "${schema}")
  string(REGEX REPLACE "map<([a-z0-9]+), ([A-Za-z0-9_.]+)> ([a-z_]+) = ([0-9]+);"
         "message \\3_entry {\n \\1 key = 1;\n \\2 value = 2;\n }\n repeated \\3_entry \\3 = \\4;" schema "${schema}")
  string(REGEX REPLACE "( )string ([a-z_]+ = )" "\\1bytes \\2" schema "${schema}")
endif()
file(WRITE ${TO} "${schema}")
