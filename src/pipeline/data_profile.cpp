#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/pipeline/data_profile.hpp>
#include <slipway/report/page.hpp>

#include "charts.hpp"

namespace slipway::pipeline {
namespace {

constexpr double strong_correlation = 0.9;
constexpr double imbalance = 0.05;
constexpr std::size_t charted_columns = 60;

std::string percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "" : fmt::format("{:.2f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void add_warnings(DataProfile& profile) {
  for (const auto& finding : profile.leakage) profile.warnings.push_back("leakage: " + finding.evidence);
  for (const auto& column : profile.table.columns) {
    if (column.missing == column.rows && column.rows > 0)
      profile.warnings.push_back(fmt::format("column '{}' is missing in every row", column.name));
    else if (column.constant)
      profile.warnings.push_back(fmt::format("column '{}' has the same value in every row", column.name));
    else if (column.id_like)
      profile.warnings.push_back(
          fmt::format("column '{}' looks like an identifier: {} different values", column.name, column.distinct));
    if (column.missing * 2 > column.rows && column.missing < column.rows)
      profile.warnings.push_back(
          fmt::format("column '{}' is missing in {} of the rows", column.name, percent(column.missing, column.rows)));
  }
  if (profile.table.duplicate_rows > 0)
    profile.warnings.push_back(fmt::format("{} rows ({}) equal an earlier row in every column",
                                           profile.table.duplicate_rows,
                                           percent(profile.table.duplicate_rows, profile.table.rows)));
  std::int64_t rarest = std::numeric_limits<std::int64_t>::max(), all = 0;
  for (const auto& entry : profile.classes) rarest = std::min(rarest, entry.rows), all += entry.rows;
  if (all > 0 && static_cast<double>(rarest) < imbalance * static_cast<double>(all))
    profile.warnings.push_back(
        fmt::format("the classes are unbalanced: the rarest has {} of the rows", percent(rarest, all)));
  for (const auto& pair : profile.correlations)
    if (std::abs(pair.value) >= strong_correlation && pair.first != profile.target && pair.second != profile.target)
      profile.warnings.push_back(fmt::format("columns '{}' and '{}' say much the same: {} {:.3f}", pair.first,
                                             pair.second, table::association_name(pair.association), pair.value));
}

Status profile_target(const table::Table& table, const Configuration& configuration, DataProfile& profile) {
  Prepared prepared;
  prepared.table = table;
  SLIPWAY_TRY(const Dataset dataset, make_dataset(configuration, std::move(prepared), silent_progress()));
  const Target& target = dataset.target;
  profile.target = configuration.schema.target;
  profile.task = model::task_name(target.task);
  for (const std::string& name : target.classes) profile.classes.push_back({name, 0});
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const bool missing = target.labels.empty() ? std::isnan(target.values[row]) : target.labels[row] < 0;
    if (missing)
      ++profile.without_target;
    else if (!target.labels.empty())
      ++profile.classes[static_cast<std::size_t>(target.labels[row])].rows;
  }
  profile.train_rows = static_cast<std::int64_t>(dataset.split.train.size());
  profile.test_rows = static_cast<std::int64_t>(dataset.split.test.size());
  SLIPWAY_TRY(profile.leakage,
              find_leakage(table, target, dataset.split, configuration.schema, feature_columns(dataset.plan, table)));
  return {};
}

std::string cell_of(const table::ColumnProfile& column, double value) {
  if (!std::isfinite(value)) return "";
  if (column.type == "time") return format_time(static_cast<std::int64_t>(value) * 1'000'000);
  return fmt::format("{:.6g}", value);
}

report::Section overview(const DataProfile& profile) {
  report::Section section{"Overview", {}};
  std::int64_t missing = 0;
  for (const auto& column : profile.table.columns) missing += column.missing;
  const std::int64_t cells = profile.table.rows * static_cast<std::int64_t>(profile.table.columns.size());
  section.elements.push_back(report::Figures{
      {{"Rows", std::to_string(profile.table.rows), {}},
       {"Columns", std::to_string(profile.table.columns.size()), {}},
       {"Missing cells", cells == 0 ? "0" : percent(missing, cells), {report::Cell(std::to_string(missing))}},
       {"Duplicate rows", std::to_string(profile.table.duplicate_rows), {}}}});
  const bool severe =
      std::any_of(profile.leakage.begin(), profile.leakage.end(), [](const auto& f) { return f.severe; });
  if (profile.warnings.empty())
    section.elements.push_back(report::Verdict{report::Verdict::Level::good, "Nothing stands out."});
  else
    section.elements.push_back(report::Verdict{severe ? report::Verdict::Level::bad : report::Verdict::Level::attention,
                                               fmt::format("{} things are worth a look.", profile.warnings.size())});
  for (const std::string& warning : profile.warnings) section.elements.push_back(report::Text{warning});
  return section;
}

report::Section columns_section(const DataProfile& profile) {
  report::Section section{"Columns", {}};
  report::Grid grid{"",
                    {"column", "type", "missing", "distinct", "lowest", "1 %", "5 %", "25 %", "median", "75 %", "95 %",
                     "99 %", "highest", "mean", "deviation"},
                    {}};
  for (const auto& column : profile.table.columns) {
    std::vector<std::string> row = {column.name, column.type, percent(column.missing, column.rows),
                                    std::to_string(column.distinct)};
    if (column.type != "text") {
      row.push_back(cell_of(column, column.minimum));
      for (std::size_t q = 0; q < 7; ++q)
        row.push_back(q < column.quantiles.size() ? cell_of(column, column.quantiles[q]) : "");
      row.push_back(cell_of(column, column.maximum));
      row.push_back(cell_of(column, column.mean));
      row.push_back(column.type == "time" || !std::isfinite(column.standard_deviation)
                        ? ""
                        : fmt::format("{:.6g}", column.standard_deviation));
    }
    row.resize(grid.header.size());
    grid.rows.emplace_back(row.begin(), row.end());
  }
  section.elements.push_back(std::move(grid));
  return section;
}

report::Section distributions(const DataProfile& profile) {
  report::Section section{"Distributions", {}};
  std::size_t charted = 0;
  for (const auto& column : profile.table.columns) {
    if (charted == charted_columns) {
      section.elements.push_back(report::Text{fmt::format("The first {} columns are drawn.", charted_columns)});
      break;
    }
    if (!column.most_frequent.empty()) {
      std::vector<Bar> bars;
      for (const auto& [value, count] : column.most_frequent)
        bars.push_back({value.substr(0, 40), static_cast<double>(count)});
      section.elements.push_back(report::Chart{column.name + ": most frequent values", bar_chart(bars, "rows"),
                                               60 + 22 * static_cast<int>(bars.size()), ""});
      ++charted;
    } else if (column.histogram_counts.size() > 1) {
      std::vector<double> counts(column.histogram_counts.begin(), column.histogram_counts.end());
      section.elements.push_back(
          report::Chart{column.name,
                        histogram_chart(column.histogram_edges, {"rows"}, {counts},
                                        column.type == "time" ? column.name + " (seconds since 1970)" : column.name),
                        260, ""});
      ++charted;
    }
  }
  return section;
}

report::Section correlations_section(const DataProfile& profile) {
  report::Section section{"Correlations", {}};
  section.elements.push_back(
      report::Text{"Pearson's correlation of two columns of numbers, Cramer's V (corrected for chance) of two of text, "
                   "the correlation "
                   "ratio of a column of numbers by one of text."});
  std::vector<table::Correlation> strongest = profile.correlations;
  std::erase_if(strongest, [](const auto& pair) { return std::isnan(pair.value); });
  std::stable_sort(strongest.begin(), strongest.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.value) > std::abs(b.value); });
  report::Grid grid{"The strongest", {"column", "column", "measure", "value", "rows"}, {}};
  for (std::size_t i = 0; i < std::min<std::size_t>(30, strongest.size()); ++i)
    grid.rows.push_back({strongest[i].first, strongest[i].second,
                         std::string(table::association_name(strongest[i].association)),
                         fmt::format("{:.4f}", strongest[i].value), std::to_string(strongest[i].rows)});
  section.elements.push_back(std::move(grid));
  std::vector<std::string> names;
  for (const auto& column : profile.table.columns)
    if (names.size() < 40) names.push_back(column.name);
  std::vector<std::vector<double>> values(names.size(), std::vector<double>(names.size(), std::nan("")));
  const auto place = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) - names.begin();
  };
  for (const auto& pair : profile.correlations) {
    const auto a = static_cast<std::size_t>(place(pair.first)), b = static_cast<std::size_t>(place(pair.second));
    if (a < names.size() && b < names.size()) values[a][b] = values[b][a] = pair.value;
  }
  if (names.size() > 1)
    section.elements.push_back(report::Chart{"All pairs", heat_map(names, names, values, "", ""),
                                             120 + 18 * static_cast<int>(names.size()),
                                             "How strongly each pair of columns goes together"});
  return section;
}

report::Section target_section(const DataProfile& profile) {
  report::Section section{"Target", {}};
  section.elements.push_back(report::Text{
      fmt::format("'{}' ({}); {} rows have none. Checked across {} training and {} test rows.", profile.target,
                  profile.task, profile.without_target, profile.train_rows, profile.test_rows)});
  if (!profile.classes.empty()) {
    std::int64_t all = 0;
    for (const auto& entry : profile.classes) all += entry.rows;
    report::Grid grid{"Class balance", {"class", "rows", "share"}, {}};
    for (const auto& entry : profile.classes)
      grid.rows.push_back({entry.name, std::to_string(entry.rows), percent(entry.rows, all)});
    section.elements.push_back(std::move(grid));
  }
  if (profile.leakage.empty())
    section.elements.push_back(report::Verdict{report::Verdict::Level::good, "No check found leakage."});
  for (const auto& finding : profile.leakage)
    section.elements.push_back(
        report::Verdict{finding.severe ? report::Verdict::Level::bad : report::Verdict::Level::attention,
                        finding.check + ": " + finding.evidence});
  return section;
}

}  // namespace

Result<DataProfile> profile_data(const table::Table& table, const Configuration& configuration) {
  DataProfile profile;
  profile.table = table::profile_table(table);
  profile.correlations = table::correlate_columns(table);
  if (!configuration.schema.target.empty()) SLIPWAY_CHECK(profile_target(table, configuration, profile));
  add_warnings(profile);
  return profile;
}

std::string profile_page(const DataProfile& profile, const std::string& title) {
  report::Page page{title, "data profile", {overview(profile)}};
  if (!profile.target.empty()) page.sections.push_back(target_section(profile));
  page.sections.push_back(columns_section(profile));
  page.sections.push_back(distributions(profile));
  page.sections.push_back(correlations_section(profile));
  return report::render(page);
}

}  // namespace slipway::pipeline
