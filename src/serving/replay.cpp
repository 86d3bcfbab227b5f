#include <cmath>
#include <map>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/serving/replay.hpp>

#include "bundle_loader.hpp"
#include "rows.hpp"
#include "served_model.hpp"

namespace slipway::serving {
namespace {

using ModelPointer = std::shared_ptr<const ServedModel>;

constexpr std::size_t most_values = 50;        // of a slice that are told
constexpr std::size_t most_tracked = 100'000;  // of a slice that are counted

Result<ModelPointer> load(const std::filesystem::path& folder, const std::string& name, const std::string& version) {
  SLIPWAY_TRY(LoadedBundle bundle, load_bundle(folder));
  if (!name.empty()) bundle.model.name = name;
  return ServedModel::make(std::move(bundle.model), version.empty() ? bundle.version : version,
                           std::move(bundle.digest), std::move(bundle.id_columns), std::move(bundle.explanation),
                           bundle.verification_rows);
}

// The model that scores a row.
class Models {
 public:
  static Result<Models> open(const std::filesystem::path& location) {
    Models models;
    if (!registry::Registry::is_registry(location)) {
      SLIPWAY_TRY(models.single_, load(location, "", ""));
      return models;
    }
    SLIPWAY_TRY(const auto registry, registry::Registry::open(location));
    SLIPWAY_TRY(const auto versions, registry.list());
    for (const registry::Version& one : versions) models.paths_[{one.name, std::to_string(one.version)}] = one.path;
    return models;
  }
  // Null where the version is not there.
  Result<ModelPointer> find(const journal::LoggedRow& row) {
    if (single_ != nullptr) return single_;
    const std::pair key{std::string(row.model), std::string(row.version)};
    if (const auto found = loaded_.find(key); found != loaded_.end()) return found->second;
    const auto path = paths_.find(key);
    if (path == paths_.end()) return ModelPointer();
    SLIPWAY_TRY(loaded_[key],
                load(path->second, key.first, key.second).with_context(fmt::format("{}/{}", key.first, key.second)));
    return loaded_[key];
  }

 private:
  ModelPointer single_;
  std::map<std::pair<std::string, std::string>, std::filesystem::path> paths_;
  std::map<std::pair<std::string, std::string>, ModelPointer> loaded_;
};

std::string cell_text(const Cell& cell) {
  if (const auto* text = std::get_if<std::string_view>(&cell)) return std::string(*text);
  if (std::holds_alternative<std::monostate>(cell)) return "(missing)";
  std::string out;
  journal::append_json(out, cell);
  return out;
}

class Replayer {
 public:
  Replayer(Models models, const ReplayOptions& options)
      : models_(std::move(models)), options_(options), slices_(options.slices.size()) {}

  Status take(const journal::LoggedRow& logged) {
    SLIPWAY_TRY(const ModelPointer model, models_.find(logged));
    if (model == nullptr) {
      ++result_.unavailable;
      return {};
    }
    SLIPWAY_TRY(const bool filled, fill(*model, logged));
    if (!filled) return {};
    SLIPWAY_CHECK(model->predict(rows_.batch(), scores_));
    compare(*model, logged);
    return {};
  }

  Replay take_result() {
    if (result_.rows > 0) {
      result_.logged_mean /= static_cast<double>(result_.rows);
      result_.replayed_mean /= static_cast<double>(result_.rows);
    }
    for (std::size_t i = 0; i < slices_.size(); ++i) {
      std::vector<ReplaySlice> values;
      for (auto& [value, slice] : slices_[i]) {
        slice.input = options_.slices[i];
        slice.value = value;
        slice.logged_mean /= static_cast<double>(slice.rows);
        slice.replayed_mean /= static_cast<double>(slice.rows);
        values.push_back(std::move(slice));
      }
      std::stable_sort(values.begin(), values.end(),
                       [](const ReplaySlice& a, const ReplaySlice& b) { return a.rows > b.rows; });
      if (values.size() > most_values) values.resize(most_values);
      result_.slices.insert(result_.slices.end(), values.begin(), values.end());
    }
    return std::move(result_);
  }

 private:
  // Puts the row into rows_; false if it cannot be scored, which is counted.
  Result<bool> fill(const ServedModel& model, const journal::LoggedRow& logged) {
    SLIPWAY_CHECK(rows_.begin(model, 1));
    for (std::size_t i = 0; i < logged.inputs.size(); ++i) {
      const auto& [name, cell] = logged.inputs[i];
      const int input = model.find_input(name, i);
      if (input < 0) continue;  // another model need not take all of them
      if (std::find(logged.masked.begin(), logged.masked.end(), name) != logged.masked.end()) {
        ++result_.masked;
        return false;
      }
      rows_.set(0, static_cast<std::size_t>(input), cell);
    }
    if (rows_.check().ok()) return true;
    ++result_.refused;
    return false;
  }

  void compare(const ServedModel& model, const journal::LoggedRow& logged) {
    ++result_.rows;
    const double replayed = static_cast<double>(model.score(scores_, 0));
    const std::string_view label = model.label(scores_, 0);
    // Of several classes, the score that stands for the row is that of the class it was given.
    double before = std::nan("");
    bool bits = true;
    for (const auto& [name, score] : logged.scores) {
      if (name.empty() || name == logged.label) before = static_cast<double>(static_cast<float>(score));
      bits = bits && equal_bits(model, name, score);
    }
    const bool same = logged.model_digest == model.digest();
    const bool flip = label != logged.label;
    result_.same_model += same ? 1 : 0;
    result_.equal += same && bits && !flip ? 1 : 0;
    result_.flips += flip ? 1 : 0;
    const double difference = std::isnan(before) ? 0 : std::abs(before - replayed);
    result_.largest_difference = std::max(result_.largest_difference, difference);
    result_.logged_mean += before;
    result_.replayed_mean += replayed;
    if ((flip || !bits) && result_.differences.size() < options_.most_differences)
      result_.differences.push_back({logged.sequence, std::string(logged.request_id), std::string(logged.version),
                                     before, replayed, std::string(logged.label), std::string(label)});
    for (std::size_t i = 0; i < slices_.size(); ++i) count_slice(i, logged, before, replayed, flip);
  }

  bool equal_bits(const ServedModel& model, std::string_view name, double logged) const {
    if (name.empty()) return static_cast<float>(logged) == model.score(scores_, 0);
    const auto& classes = model.model().classes;
    const auto found = std::find(classes.begin(), classes.end(), name);
    if (found == classes.end()) return false;
    return static_cast<float>(logged) == scores_.scores.at(0, static_cast<std::size_t>(found - classes.begin()));
  }

  void count_slice(std::size_t i, const journal::LoggedRow& logged, double before, double after, bool flip) {
    std::string value = "(absent)";
    for (const auto& [name, cell] : logged.inputs)
      if (name == options_.slices[i]) value = cell_text(cell);
    if (!slices_[i].contains(value) && slices_[i].size() >= most_tracked) value = "(others)";
    ReplaySlice& slice = slices_[i][value];
    ++slice.rows;
    slice.flips += flip ? 1 : 0;
    slice.logged_mean += before;
    slice.replayed_mean += after;
  }

  Models models_;
  const ReplayOptions& options_;
  Rows rows_;
  Scores scores_;
  Replay result_;
  std::vector<std::map<std::string, ReplaySlice>> slices_;
};

}  // namespace

Result<Replay> replay_journal(const std::filesystem::path& log, const std::filesystem::path& location,
                              const ReplayOptions& options) {
  SLIPWAY_TRY(Models models, Models::open(location));
  Replayer replayer(std::move(models), options);
  SLIPWAY_CHECK(
      journal::scan_journal(log, options.rows, [&](const journal::LoggedRow& row) { return replayer.take(row); }));
  return replayer.take_result();
}

}  // namespace slipway::serving
