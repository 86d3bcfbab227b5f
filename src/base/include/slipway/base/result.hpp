// Errors as values. Every function of Slipway that can fail returns Result<T> (or Status, for no value): the caller
// must look at it, and adds context as it passes it up. Nothing below app/ prints, aborts or exits.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace slipway {

// What kind of failure it was; the command line maps it to an exit code and the server to a status.
enum class ErrorCode {
  invalid_input,  // the user's data, configuration or request is wrong (exit code 2, HTTP 400)
  not_found,      // a named file, model, column or version does not exist (exit code 2, HTTP 404)
  conflict,       // it exists already, or somebody else holds it (exit code 2, HTTP 409)
  check_failed,   // a gate, verification or drift check said no (exit code 1)
  unavailable,    // a resource is exhausted or not ready: disk full, port in use, queue full (exit code 2, HTTP 503)
  cancelled,      // the user stopped it (exit code 130, HTTP 503)
  internal,       // a defect in Slipway or in a library it uses (exit code 3, HTTP 500)
};

// A failure with its message. `with_context` puts what was being done in front: "reading tx.csv: line 7: ...".
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  Error with_context(std::string_view context) && {
    message_.insert(0, ": ").insert(0, context);
    return std::move(*this);
  }
  Error with_context(std::string_view context) const& { return Error(*this).with_context(context); }

 private:
  ErrorCode code_;
  std::string message_;
};

inline Error invalid_input(std::string message) { return {ErrorCode::invalid_input, std::move(message)}; }
inline Error not_found(std::string message) { return {ErrorCode::not_found, std::move(message)}; }
inline Error conflict(std::string message) { return {ErrorCode::conflict, std::move(message)}; }
inline Error check_failed(std::string message) { return {ErrorCode::check_failed, std::move(message)}; }
inline Error unavailable(std::string message) { return {ErrorCode::unavailable, std::move(message)}; }
inline Error internal_error(std::string message) { return {ErrorCode::internal, std::move(message)}; }

// A value or an Error. Reading the value of a failed Result is a defect and undefined.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }
  Result with_context(std::string_view context) && {
    if (ok()) return std::move(*this);
    return std::move(*this).error().with_context(context);
  }

 private:
  std::variant<T, Error> state_;
};

// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }
  Result with_context(std::string_view context) && {
    if (ok()) return {};
    return std::move(*error_).with_context(context);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace slipway

#define SLIPWAY_JOIN_(a, b) a##b
#define SLIPWAY_JOIN(a, b) SLIPWAY_JOIN_(a, b)

// SLIPWAY_TRY(auto rows, read(file));  declares rows, or returns the error from the enclosing function.
#define SLIPWAY_TRY(declaration, ...)                                  \
  auto SLIPWAY_JOIN(slipway_result_, __LINE__) = (__VA_ARGS__);        \
  if (!SLIPWAY_JOIN(slipway_result_, __LINE__).ok())                   \
    return std::move(SLIPWAY_JOIN(slipway_result_, __LINE__)).error(); \
  declaration = std::move(SLIPWAY_JOIN(slipway_result_, __LINE__)).value()

// SLIPWAY_CHECK(write(file));  returns the error of a Status (or drops the value of a Result).
#define SLIPWAY_CHECK(...)                                                                                      \
  do {                                                                                                          \
    if (auto slipway_status_ = (__VA_ARGS__); !slipway_status_.ok()) return std::move(slipway_status_).error(); \
  } while (false)
