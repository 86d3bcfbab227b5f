#include <nlohmann/json.hpp>

#include "json_body.hpp"

namespace slipway::serving {
namespace {

// Takes everything in and keeps only the error.
struct ErrorCatcher final : nlohmann::json_sax<nlohmann::json> {
  std::string message;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& problem) override {
    message = problem.what();
    return false;
  }
};

}  // namespace

std::string describe_json_error(std::string_view text) {
  ErrorCatcher catcher;
  nlohmann::json::sax_parse(text, &catcher);
  // "[json.exception.parse_error.101] parse error at line 1, column 9: ..."
  const std::size_t begin = catcher.message.find("line ");
  return begin == std::string::npos ? catcher.message : catcher.message.substr(begin);
}

}  // namespace slipway::serving
