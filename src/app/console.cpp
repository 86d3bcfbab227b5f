#include "console.hpp"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

#include <slipway/base/memory.hpp>
#include <slipway/base/text.hpp>

#include "interrupt.hpp"

namespace slipway::app {

using namespace std::chrono_literals;

namespace {

// What fits on a line of the terminal, so that one line stays one line.
std::string shortened(const std::string& line) {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 8;
  const std::size_t width = known ? size.ws_col : 80;
  return line.size() < width ? line : line.substr(0, width - 4) + "...";
}

// "1.2 GB": what this process holds in memory now.
std::string memory_text() {
  const auto bytes = resident_memory();
  return bytes ? fmt::format("{:.2g} GB", static_cast<double>(*bytes) / 1e9) : std::string();
}

}  // namespace

Console::Console() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void Console::print(std::string_view line) {
  if (json_) return;
  const std::lock_guard lock(mutex_);
  clear();
  fmt::print(stdout, "{}\n", line);
  std::fflush(stdout);
}

void Console::document(const nlohmann::json& document) {
  if (!json_) return;
  const std::lock_guard lock(mutex_);
  clear();
  fmt::print(stdout, "{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  std::fflush(stdout);
}

void Console::note(std::string_view line) {
  if (quiet_) return;
  const std::lock_guard lock(mutex_);
  clear();
  fmt::print(stderr, "{}\n", line);
}

void Console::error(std::string_view message) {
  const std::lock_guard lock(mutex_);
  clear();
  fmt::print(stderr, "slipway: {}\n", message);
}

void Console::begin(std::string_view stage, std::size_t total) {
  const std::lock_guard lock(mutex_);
  clear();
  stage_ = stage;
  board_.clear();
  total_ = total;
  done_ = 0;
  start_ = Clock::now();
  last_draw_ = start_;
}

void Console::advance(std::size_t steps) {
  const std::lock_guard lock(mutex_);
  done_ += steps;
  draw(false);
}

void Console::end() {
  const std::lock_guard lock(mutex_);
  if (stage_.empty()) return;
  clear();
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  if (seconds >= 0.1 && !quiet_) fmt::print(stderr, "  {:<34} {:>8.2f} s\n", stage_, seconds);
  stage_.clear();
}

void Console::show(std::string_view board) {
  const std::lock_guard lock(mutex_);
  board_ = board;
  draw(false);
}

bool Console::cancelled() const { return interrupted(); }

// A bar for anything over a second, on a terminal only.
void Console::draw(bool last) {
  if (!terminal_ || quiet_ || stage_.empty()) return;
  const auto now = Clock::now();
  if (!last && (now - start_ < 1s || now - last_draw_ < 100ms)) return;
  last_draw_ = now;
  clear();
  for (const std::string& line : split(board_, '\n')) {
    if (board_.empty()) break;
    fmt::print(stderr, "{}\n", shortened(line));
    ++drawn_lines_;
  }
  const double seconds = std::chrono::duration<double>(now - start_).count();
  if (total_ == 0) {
    fmt::print(stderr, "\r\033[K  {:<34} {:>8.1f} s  {}", stage_, seconds, memory_text());
  } else {
    constexpr std::size_t width = 24;
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const auto filled = static_cast<std::size_t>(share * width);
    const double left = share > 0 ? seconds / share - seconds : 0;
    fmt::print(stderr, "\r\033[K  {:<34} [{}{}] {:>3.0f} %  {:.0f} s left  {}", stage_, std::string(filled, '#'),
               std::string(width - filled, ' '), 100 * share, left, memory_text());
  }
  std::fflush(stderr);
  drawn_ = true;
}

void Console::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\033[K");
  for (; drawn_lines_ > 0; --drawn_lines_) fmt::print(stderr, "\033[1A\033[K");
  drawn_ = false;
}

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::check_failed:
      return 1;
    case ErrorCode::internal:
      return 3;
    case ErrorCode::cancelled:
      return 130;  // as shells report a program that an interrupt ended
    default:
      return 2;
  }
}

std::string group_digits(std::int64_t number) {
  std::string text = std::to_string(number);
  for (int at = static_cast<int>(text.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string align(const std::vector<std::vector<std::string>>& rows) {
  // Width in characters, not bytes: continuation bytes of UTF-8 take no room.
  const auto width_of = [](std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  };
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    text += line + "\n";
  }
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace slipway::app
