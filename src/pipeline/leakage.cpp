#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include <slipway/base/hash.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/metrics/metrics.hpp>
#include <slipway/pipeline/leakage.hpp>

namespace slipway::pipeline {
namespace {

constexpr std::size_t most_rows = 100'000;
constexpr std::size_t bins = 64;
constexpr double suspicious = 0.95, certain = 0.99;
constexpr double common_class = 0.9;

std::vector<std::uint32_t> spread(const std::vector<std::uint32_t>& rows) {
  if (rows.size() <= most_rows) return rows;
  std::vector<std::uint32_t> chosen;
  for (std::size_t i = 0; i < most_rows; ++i) chosen.push_back(rows[i * rows.size() / most_rows]);
  return chosen;
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

// Cells as small numbers: bins of numbers by quantiles of the training rows, categories by their code; 0 is missing.
class Grouping {
 public:
  static Result<Grouping> make(const table::Column& column, const std::vector<std::uint32_t>& train) {
    Grouping grouping;
    if (const auto* text = std::get_if<table::TextColumn>(&column.data)) {
      grouping.text_ = text;
      return grouping;
    }
    SLIPWAY_TRY(grouping.numbers_, table::as_numbers(column));
    std::vector<float> sorted;
    for (const std::uint32_t row : train)
      if (!std::isnan(grouping.numbers_[row])) sorted.push_back(grouping.numbers_[row]);
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t b = 1; b < bins && !sorted.empty(); ++b) {
      const float edge = sorted[b * sorted.size() / bins];
      if (grouping.edges_.empty() || edge > grouping.edges_.back()) grouping.edges_.push_back(edge);
    }
    // A rare value of its own, such as the one amount that only fraud has, lies between quantiles: few values are
    // groups each.
    std::vector<float> distinct = sorted;
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    if (distinct.size() <= bins) grouping.edges_ = std::move(distinct);
    return grouping;
  }

  std::size_t size() const { return text_ != nullptr ? text_->dictionary.size() + 1 : edges_.size() + 2; }
  std::size_t operator[](std::uint32_t row) const {
    if (text_ != nullptr) return static_cast<std::size_t>(text_->codes[row] + 1);
    if (std::isnan(numbers_[row])) return 0;
    return static_cast<std::size_t>(std::upper_bound(edges_.begin(), edges_.end(), numbers_[row]) - edges_.begin()) + 1;
  }

 private:
  const table::TextColumn* text_ = nullptr;
  std::vector<float> numbers_;
  std::vector<float> edges_;
};

class Checker {
 public:
  Checker(const table::Table& table, const Target& target, const table::Split& split, const Schema& schema,
          const std::vector<std::string>& features)
      : table_(table), target_(target), split_(split), schema_(schema), features_(features) {
    train_ = spread(split.train);
    test_ = spread(split.test);
  }

  Result<std::vector<LeakageFinding>> run() {
    for (const std::string& name : features_) {
      const table::Column* column = table_.find(name);
      if (column == nullptr || name == schema_.target) continue;
      SLIPWAY_CHECK(check_predictor(*column));
      check_filled(*column);
    }
    check_duplicates(false);
    check_duplicates(true);
    check_group();
    check_time();
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const LeakageFinding& a, const LeakageFinding& b) { return a.severe && !b.severe; });
    return std::move(findings_);
  }

 private:
  void add(std::string check, std::string column, bool severe, double value, std::string evidence) {
    findings_.push_back({std::move(check), std::move(column), severe, value, std::move(evidence)});
  }

  Status check_predictor(const table::Column& column) {
    SLIPWAY_TRY(const Grouping groups, Grouping::make(column, train_));
    if (target_.task == model::Task::regression) return check_variance(column.name, groups);
    if (target_.task == model::Task::multiclass) return check_classes(column.name, groups);
    std::vector<double> positives(groups.size(), 0), counts(groups.size(), 0);
    double all = 0;
    for (const std::uint32_t row : train_) {
      positives[groups[row]] += target_.labels[row];
      all += target_.labels[row];
      ++counts[groups[row]];
    }
    const double prior = all / static_cast<double>(train_.size());
    std::vector<std::int32_t> labels;
    std::vector<float> scores;
    for (const std::uint32_t row : test_) {
      labels.push_back(target_.labels[row]);
      // One row of the prior's rate: a group of a single training row is no evidence.
      scores.push_back(static_cast<float>((positives[groups[row]] + prior) / (counts[groups[row]] + 1)));
    }
    const auto area = metrics::roc_auc(labels, scores);
    if (area.ok() && *area >= suspicious)
      add("target_predictor", column.name, *area >= certain, *area,
          fmt::format(
              "column '{}' alone ranks the test rows with a ROC AUC of {:.4f}: is it known before the target is?",
              column.name, *area));
    return {};
  }

  Status check_classes(const std::string& name, const Grouping& groups) {
    const std::size_t classes = target_.classes.size();
    std::vector<double> counts(groups.size() * classes, 0), all(classes, 0);
    for (const std::uint32_t row : train_) {
      ++counts[groups[row] * classes + static_cast<std::size_t>(target_.labels[row])];
      ++all[static_cast<std::size_t>(target_.labels[row])];
    }
    const auto best_of = [&](const double* first) {
      return static_cast<std::int32_t>(std::max_element(first, first + classes) - first);
    };
    const std::int32_t commonest = best_of(all.data());
    double right = 0, baseline = 0;
    for (const std::uint32_t row : test_) {
      right += best_of(counts.data() + groups[row] * classes) == target_.labels[row] ? 1 : 0;
      baseline += commonest == target_.labels[row] ? 1 : 0;
    }
    const double n = static_cast<double>(test_.size());
    if (right / n >= suspicious && baseline / n < common_class)
      add("target_predictor", name, right / n >= certain, right / n,
          fmt::format("column '{}' alone names the class of {} of the test rows: is it known before the target is?",
                      name, percent(right / n)));
    return {};
  }

  Status check_variance(const std::string& name, const Grouping& groups) {
    std::vector<double> sums(groups.size(), 0), counts(groups.size(), 0);
    double total = 0, all = 0, left = 0, mean = 0;
    for (const std::uint32_t row : train_) {
      sums[groups[row]] += static_cast<double>(target_.values[row]);
      ++counts[groups[row]];
      total += static_cast<double>(target_.values[row]);
    }
    const double prior = total / static_cast<double>(train_.size());
    for (const std::uint32_t row : test_)
      mean += static_cast<double>(target_.values[row]) / static_cast<double>(test_.size());
    for (const std::uint32_t row : test_) {
      const double value = static_cast<double>(target_.values[row]);
      const double predicted = (sums[groups[row]] + prior) / (counts[groups[row]] + 1);
      left += (value - predicted) * (value - predicted);
      all += (value - mean) * (value - mean);
    }
    const double explained = all > 0 ? 1 - left / all : 0;
    if (explained >= suspicious)
      add("target_predictor", name, explained >= certain, explained,
          fmt::format("column '{}' alone explains {} of the target's variance in the test rows: is it known before the "
                      "target is?",
                      name, percent(explained)));
    return {};
  }

  bool has_target(std::uint32_t row) const {
    return target_.task == model::Task::regression ? !std::isnan(target_.values[row]) : target_.labels[row] >= 0;
  }

  void check_filled(const table::Column& column) {
    double known = 0, filled_known = 0, unknown = 0, filled_unknown = 0;
    std::vector<double> of_class(std::max<std::size_t>(target_.classes.size(), 1), 0), filled(of_class.size(), 0);
    for (std::uint32_t row = 0; row < table_.rows(); ++row) {
      const double is_filled = column.is_missing(row) ? 0 : 1;
      if (!has_target(row)) {
        ++unknown;
        filled_unknown += is_filled;
        continue;
      }
      ++known;
      filled_known += is_filled;
      const std::size_t label = target_.labels.empty() ? 0 : static_cast<std::size_t>(target_.labels[row]);
      ++of_class[label];
      filled[label] += is_filled;
    }
    if (known > 0 && unknown >= 20 && filled_known / known >= 0.5 && filled_unknown / unknown <= 0.01) {
      add("filled_with_target", column.name, true, filled_unknown / unknown,
          fmt::format("column '{}' is filled in {} of the rows with a target but in {} of the {:.0f} rows without: it "
                      "is filled "
                      "when the target becomes known",
                      column.name, percent(filled_known / known), percent(filled_unknown / unknown), unknown));
      return;
    }
    for (std::size_t label = 0; label < target_.classes.size(); ++label) {
      const double others = known - of_class[label], filled_others = filled_known - filled[label];
      if (of_class[label] >= 20 && others >= 20 && filled[label] / of_class[label] >= 0.9 &&
          filled_others / others <= 0.01)
        add("filled_with_target", column.name, true, filled_others / others,
            fmt::format(
                "column '{}' is filled in {} of the rows of class '{}' and in {} of the others: it is filled when the "
                "target becomes known",
                column.name, percent(filled[label] / of_class[label]), target_.classes[label],
                percent(filled_others / others)));
    }
  }

  // One key per row of the features' cells, exact or near.
  std::vector<std::uint64_t> row_keys(bool near) const {
    std::vector<std::uint64_t> keys(table_.rows(), 0);
    for (const std::string& name : features_) {
      const table::Column* column = table_.find(name);
      if (column == nullptr || name == schema_.target) continue;
      const bool is_id = std::find(schema_.ids.begin(), schema_.ids.end(), name) != schema_.ids.end();
      if (is_id || (near && std::holds_alternative<table::TimeColumn>(column->data))) continue;
      if (const auto* text = std::get_if<table::TextColumn>(&column->data)) {
        std::vector<std::uint64_t> hashes;
        for (const std::string& value : text->dictionary)
          hashes.push_back(hash_bytes(near ? lower_case(trim(value)) : value));
        for (std::size_t i = 0; i < keys.size(); ++i)
          keys[i] = combine_key(keys[i], text->codes[i] < 0 ? 0 : hashes[static_cast<std::size_t>(text->codes[i])]);
      } else if (const auto* numbers = std::get_if<table::NumberColumn>(&column->data); numbers != nullptr && near) {
        for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = combine_key(keys[i], rounded(numbers->values[i]));
      } else {
        const std::vector<std::uint64_t> cells = table::row_keys(*column);
        for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = combine_key(keys[i], cells[i]);
      }
    }
    return keys;
  }

  // Ten bits of the mantissa are about three digits.
  static std::uint64_t rounded(float value) {
    if (std::isnan(value)) return 1;
    return 2 + ((std::bit_cast<std::uint32_t>(value + 0.0f) + 0x1000u) >> 13);
  }

  void check_duplicates(bool near) {
    const std::vector<std::uint64_t> keys = row_keys(near);
    std::unordered_map<std::uint64_t, std::uint32_t> seen;
    for (const std::uint32_t row : split_.train) seen.emplace(keys[row], row);
    double shared = 0;
    std::string examples;
    int shown = 0;
    for (const std::uint32_t row : split_.test) {
      const auto found = seen.find(keys[row]);
      if (found == seen.end()) continue;
      ++shared;
      if (shown++ < 3) examples += fmt::format("{}{} and {}", examples.empty() ? "" : ", ", row + 1, found->second + 1);
    }
    const double share = shared / static_cast<double>(split_.test.size());
    if (!near) exact_share_ = share;
    // Near duplicates are only news where they are more than the equal rows among them.
    if (share <= 0.01 || (near && share < exact_share_ + 0.01)) return;
    add(near ? "near_duplicates_across_split" : "duplicates_across_split", "", share >= 0.1, share,
        fmt::format("{:.0f} of the test rows ({}) {} a training row in all features; rows {}", shared, percent(share),
                    near ? "nearly equal" : "equal", examples));
  }

  void check_group() {
    const table::Column* column = schema_.group.empty() ? nullptr : table_.find(schema_.group);
    if (column == nullptr) return;
    const table::TextColumn text = table::as_text(*column);
    std::vector<char> in_train(text.dictionary.size(), 0), in_test(text.dictionary.size(), 0);
    for (const std::uint32_t row : split_.train)
      if (text.codes[row] >= 0) in_train[static_cast<std::size_t>(text.codes[row])] = 1;
    double shared = 0, all = 0;
    std::string example;
    for (const std::uint32_t row : split_.test) {
      if (text.codes[row] < 0 || in_test[static_cast<std::size_t>(text.codes[row])]++ != 0) continue;
      const std::size_t code = static_cast<std::size_t>(text.codes[row]);
      in_test[code] = 1;
      ++all;
      shared += in_train[code];
      if (in_train[code] != 0 && example.empty()) example = text.dictionary[code];
    }
    if (shared > 0)
      add("group_across_split", schema_.group, false, shared / all,
          fmt::format(
              "{:.0f} of the {:.0f} values of '{}' in the test rows are in the training rows too, such as {}; `split: "
              "{{method: grouped}}` keeps them apart",
              shared, all, schema_.group, example));
  }

  void check_time() {
    const table::Column* column = schema_.time.empty() ? nullptr : table_.find(schema_.time);
    const auto* times = column == nullptr ? nullptr : std::get_if<table::TimeColumn>(&column->data);
    if (times == nullptr) return;
    std::int64_t last = missing_time, first = std::numeric_limits<std::int64_t>::max();
    for (const std::uint32_t row : split_.train) last = std::max(last, times->values[row]);
    double before = 0;
    for (const std::uint32_t row : split_.test) {
      if (times->values[row] == missing_time) continue;
      first = std::min(first, times->values[row]);
      before += times->values[row] <= last ? 1 : 0;
    }
    if (before > 0)
      add("test_before_training", schema_.time, false, before / static_cast<double>(split_.test.size()),
          fmt::format(
              "{} of the test rows are not after the last training row ({}); the first test row is of {}. `split: "
              "{{method: time}}` tests on what comes later, as in production",
              percent(before / static_cast<double>(split_.test.size())), format_time(last), format_time(first)));
  }

  const table::Table& table_;
  const Target& target_;
  const table::Split& split_;
  const Schema& schema_;
  const std::vector<std::string>& features_;
  std::vector<std::uint32_t> train_, test_;
  double exact_share_ = 0;
  std::vector<LeakageFinding> findings_;
};

}  // namespace

Result<std::vector<LeakageFinding>> find_leakage(const table::Table& table, const Target& target,
                                                 const table::Split& split, const Schema& schema,
                                                 const std::vector<std::string>& features) {
  if (split.train.empty() || split.test.empty()) return std::vector<LeakageFinding>();
  return Checker(table, target, split, schema, features).run();
}

std::vector<std::string> feature_columns(const features::FeaturePlan& plan, const table::Table& table) {
  std::vector<std::string> names;
  for (const auto* list : {&plan.numeric, &plan.categorical, &plan.time})
    names.insert(names.end(), list->begin(), list->end());
  for (const auto& [name, options] : plan.text) names.push_back(name);
  // A derived feature may use any column; which ones is for its expression to say.
  for (const table::Column& column : table.all())
    for (const auto& derived : plan.derived) {
      const bool known = std::find(names.begin(), names.end(), column.name) != names.end();
      if (!known && derived.expression.find(column.name) != std::string::npos) names.push_back(column.name);
    }
  return names;
}

}  // namespace slipway::pipeline
