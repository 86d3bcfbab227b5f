// DuckDB's C interface, opened from its shared library at the first use, so that programs that read no tables never pay
// for it.
#pragma once
#include <duckdb.h>

#include <slipway/base/result.hpp>

#include "shared_library.hpp"

namespace slipway::table {

#define SLIPWAY_DUCKDB_FUNCTIONS(X)          \
  X(duckdb_library_version)                  \
  X(duckdb_create_config)                    \
  X(duckdb_set_config)                       \
  X(duckdb_destroy_config)                   \
  X(duckdb_open_ext)                         \
  X(duckdb_close)                            \
  X(duckdb_connect)                          \
  X(duckdb_disconnect)                       \
  X(duckdb_free)                             \
  X(duckdb_query)                            \
  X(duckdb_destroy_result)                   \
  X(duckdb_result_error)                     \
  X(duckdb_result_error_type)                \
  X(duckdb_column_count)                     \
  X(duckdb_column_name)                      \
  X(duckdb_column_type)                      \
  X(duckdb_column_logical_type)              \
  X(duckdb_row_count)                        \
  X(duckdb_rows_changed)                     \
  X(duckdb_fetch_chunk)                      \
  X(duckdb_create_data_chunk)                \
  X(duckdb_destroy_data_chunk)               \
  X(duckdb_data_chunk_reset)                 \
  X(duckdb_data_chunk_get_size)              \
  X(duckdb_data_chunk_set_size)              \
  X(duckdb_data_chunk_get_vector)            \
  X(duckdb_vector_size)                      \
  X(duckdb_vector_get_data)                  \
  X(duckdb_vector_get_validity)              \
  X(duckdb_vector_ensure_validity_writable)  \
  X(duckdb_vector_assign_string_element_len) \
  X(duckdb_create_logical_type)              \
  X(duckdb_destroy_logical_type)             \
  X(duckdb_decimal_scale)                    \
  X(duckdb_decimal_internal_type)            \
  X(duckdb_enum_internal_type)               \
  X(duckdb_enum_dictionary_size)             \
  X(duckdb_enum_dictionary_value)            \
  X(duckdb_appender_create_ext)              \
  X(duckdb_appender_error)                   \
  X(duckdb_appender_close)                   \
  X(duckdb_appender_destroy)                 \
  X(duckdb_append_data_chunk)                \
  X(duckdb_prepare)                          \
  X(duckdb_prepare_error)                    \
  X(duckdb_destroy_prepare)                  \
  X(duckdb_pending_prepared_streaming)       \
  X(duckdb_pending_error)                    \
  X(duckdb_execute_pending)                  \
  X(duckdb_destroy_pending)                  \
  X(duckdb_create_scalar_function)           \
  X(duckdb_destroy_scalar_function)          \
  X(duckdb_register_scalar_function)         \
  X(duckdb_scalar_function_set_name)         \
  X(duckdb_scalar_function_set_function)     \
  X(duckdb_scalar_function_add_parameter)    \
  X(duckdb_scalar_function_set_return_type)  \
  X(duckdb_scalar_function_set_special_handling)

// One pointer per function above, under the same name.
struct DuckdbApi {
  SLIPWAY_DUCKDB_FUNCTIONS(SLIPWAY_FUNCTION_POINTER)
};

// The functions of the library at the path in the environment variable SLIPWAY_DUCKDB_LIBRARY, or else of the one that
// the build was made with. Opened once; safe to call from several threads. Errors name the library and what it lacks.
Result<const DuckdbApi*> duckdb_api();

}  // namespace slipway::table
