#include "other_engines.hpp"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/pipeline/scoring.hpp>

#include "engine_script.hpp"

extern char** environ;

namespace slipway::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t most_rows = 10'000;

std::string csv_text(std::string_view text) {
  std::string made = "\"";
  for (const char c : text) made += c == '"' ? std::string("\"\"") : std::string(1, c);
  return made + "\"";
}

std::string cell(const model::ColumnView& column, std::size_t row) {
  if (const auto* numbers = std::get_if<model::NumberView>(&column)) {
    const float number = (*numbers)[row];
    return std::isnan(number) ? "" : fmt::format("{}", number);
  }
  if (const auto* times = std::get_if<model::TimeView>(&column))
    return (*times)[row] == missing_time ? "" : std::to_string((*times)[row]);
  const auto& text = std::get<model::TextView>(column);
  const std::int32_t code = text.codes[row];
  return code < 0 ? "\"\"" : csv_text(text.dictionary[static_cast<std::size_t>(code)]);
}

Status write_rows(const fs::path& work, const model::Model& model, const model::RowBatch& rows,
                  const engine::Prediction& prediction) {
  const std::size_t count = std::min(rows.rows, most_rows);
  std::string cells, scores, labels;
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t c = 0; c < rows.columns.size(); ++c) cells += (c == 0 ? "" : ",") + cell(rows.columns[c], r);
    // A row of one empty cell would be read as no row.
    cells += rows.columns.size() == 1 && cells.ends_with('\n') ? "\"\"\n" : "\n";
    for (std::size_t k = 0; k < prediction.scores.width; ++k)
      scores += fmt::format("{}{}", k == 0 ? "" : ",", prediction.scores.at(r, k));
    scores += '\n';
    if (!prediction.labels.empty())
      labels += csv_text(model.classes[static_cast<std::size_t>(prediction.labels[r])]) + "\n";
  }
  json about = {{"kinds", json::array()}, {"classes", model.classes}, {"threshold", pipeline::threshold_of(model)}};
  for (const model::Input& input : model.inputs)
    about["kinds"].push_back({input.name, model::input_kind_name(input.kind)});
  SLIPWAY_CHECK(write_file(work / "about.json", about.dump(-1, ' ', false, json::error_handler_t::replace)));
  SLIPWAY_CHECK(write_file(work / "rows.csv", cells));
  SLIPWAY_CHECK(write_file(work / "scores.csv", scores));
  SLIPWAY_CHECK(write_file(work / "labels.csv", labels));
  return write_file(work / "engines.py", engine_script);
}

// Runs a program with its output in a file; false if there is no such program.
Result<bool> run_program(const std::vector<std::string>& words, const fs::path& output, const fs::path& errors) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  const int code = ::posix_spawnp(&child, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code == ENOENT) return false;
  if (code != 0) return unavailable(fmt::format("cannot run {}: {}", words[0], std::strerror(code)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return unavailable(fmt::format("waiting for {}: {}", words[0], std::strerror(errno)));
  return WIFEXITED(status) && WEXITSTATUS(status) != 127;
}

}  // namespace

Result<std::vector<EngineResult>> run_other_engines(const model::Model& model, const fs::path& folder,
                                                    const model::RowBatch& rows, const engine::Prediction& prediction) {
  SLIPWAY_TRY(FolderInProgress work, FolderInProgress::beside(fs::temp_directory_path() / "slipway-verify"));
  SLIPWAY_CHECK(write_rows(work.path(), model, rows, prediction));
  const char* named = std::getenv("SLIPWAY_PYTHON");
  const std::string python = named != nullptr && *named != '\0' ? named : "python3";
  const fs::path output = work.path() / "output", errors = work.path() / "errors";
  SLIPWAY_TRY(const bool ran,
              run_program({python, (work.path() / "engines.py").string(), folder.string(), work.path().string()},
                          output, errors));
  std::vector<EngineResult> results;
  if (!ran) {
    results.push_back({.engine = "other engines", .absent = python + " cannot be run"});
    return results;
  }
  SLIPWAY_TRY(const std::string text, read_file(output));
  for (const std::string& line : split(text, '\n')) {
    const json read = json::parse(line, nullptr, false);
    if (!read.is_object() || !read.contains("engine")) continue;  // what the engines themselves print
    EngineResult result{.engine = read.value("engine", ""), .absent = read.value("absent", "")};
    result.largest_difference = read.value("largest_difference", 0.0);
    result.different_labels = read.value("different_labels", std::int64_t{0});
    if (read.contains("failure"))
      return check_failed(fmt::format("{} could not run the package: {}", result.engine, read.value("failure", "")));
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace slipway::app
