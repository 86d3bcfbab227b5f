// What the user sees: words and progress on standard error, results on standard output.
#pragma once
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>

namespace slipway::app {

// Safe to use from several threads at once.
class Console final : public Progress {
 public:
  // With --json, standard output carries one JSON document and nothing else.
  void set_json(bool json) { json_ = json; }
  bool json() const { return json_; }
  void set_quiet(bool quiet) { quiet_ = quiet; }

  // A line of the command's answer on standard output; with --json it goes nowhere (the document says it).
  void print(std::string_view line);
  // The answer as a document, printed only with --json.
  void document(const nlohmann::json& document);
  // A remark on standard error.
  void note(std::string_view line) override;
  void error(std::string_view message);

  void begin(std::string_view stage, std::size_t total) override;
  void advance(std::size_t steps) override;
  void end() override;
  void show(std::string_view board) override;
  // After Ctrl-C, in commands that call catch_interrupts().
  bool cancelled() const override;

 private:
  void draw(bool last);
  void clear();
  using Clock = std::chrono::steady_clock;
  std::mutex mutex_;
  bool json_ = false;
  bool quiet_ = false;
  bool terminal_ = false;
  bool drawn_ = false;
  std::string stage_;
  std::string board_;            // lines above the bar
  std::size_t drawn_lines_ = 0;  // of it, on the terminal now
  std::size_t total_ = 0;
  std::size_t done_ = 0;
  Clock::time_point start_;
  Clock::time_point last_draw_;

 public:
  Console();
};

// The exit code of an error: 1 a gate or check failed, 2 wrong use or bad input, 3 internal, 130 interrupted.
int exit_code(ErrorCode code);

// "12,345"
std::string group_digits(std::int64_t number);

// Columns of text, padded to line up.
std::string align(const std::vector<std::vector<std::string>>& rows);

}  // namespace slipway::app
