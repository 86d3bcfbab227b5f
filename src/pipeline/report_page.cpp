#include "report_page.hpp"

#include <cmath>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/table/profile.hpp>

#include "charts.hpp"
#include "report_cells.hpp"
#include "report_sections.hpp"
#include "search_charts.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;
using report::Cell;
using report::Chart;
using report::Figures;
using report::Grid;
using report::Section;
using report::Text;
using report::Verdict;

Verdict::Level level_of(const std::string& fit) {
  if (fit == "no_signal") return Verdict::Level::bad;
  return fit == "fits" ? Verdict::Level::good : Verdict::Level::attention;
}

Section summary(const ReportContent& content) {
  Section section{"Summary", {}};
  const Citation evaluation(content.evaluation, "evaluation.json");
  const Citation verification(content.verification, "verification.json");
  std::string failures, passes;
  for (const json& gate : content.gates) {
    std::string& list = gate.at("passed").get<bool>() ? passes : failures;
    list += (list.empty() ? "" : "; ") + gate.at("text").get<std::string>();
  }
  if (!failures.empty()) {
    section.elements.push_back(
        Verdict{Verdict::Level::bad, "Not published. Gates failed: " + failures + ".", "run.json#/gates"});
  } else {
    section.elements.push_back(
        Verdict{content.gates.empty() ? Verdict::Level::attention : Verdict::Level::good,
                content.gates.empty() ? "No gates were set." : "All gates passed: " + passes + ".", "run.json#/gates"});
  }
  if (evaluation.has("/fit/text"))
    section.elements.push_back(
        Verdict{level_of(evaluation.at("/fit/verdict")), evaluation.at("/fit/text"), evaluation.source("/fit/text")});
  if (evaluation.has("/positives") && evaluation.at("/positives").get<double>() == 0)
    section.elements.push_back(Verdict{Verdict::Level::bad,
                                       "The test rows hold no positive: how well positives are found cannot be said.",
                                       evaluation.source("/positives")});
  Figures figures;
  for (const auto& [name, title] : headline(evaluation.at("/task"))) {
    if (!evaluation.has(pointer("metrics", name))) continue;
    std::vector<Cell> detail;
    const std::string interval = pointer("intervals", name);
    if (evaluation.has(interval))
      detail = {"95 %: ", evaluation.cell(interval + "/0"), " to ", evaluation.cell(interval + "/1")};
    if (evaluation.has(pointer("baseline", name))) {
      detail.emplace_back(detail.empty() ? "constant " : "; constant ");
      detail.push_back(evaluation.cell(pointer("baseline", name)));
    }
    if (evaluation.has(pointer("linear", "metrics", name))) {
      detail.emplace_back(detail.empty() ? "linear " : ", linear ");
      detail.push_back(evaluation.cell(pointer("linear", "metrics", name)));
    }
    figures.figures.push_back({title, evaluation.cell(pointer("metrics", name)), detail});
  }
  figures.figures.push_back({"Test rows", evaluation.cell("/rows"), {}});
  if (evaluation.has("/positives"))
    figures.figures.push_back({"Positives", evaluation.cell("/positives"), {"share ", evaluation.cell("/prevalence")}});
  section.elements.push_back(figures);
  Figures agreement;
  for (std::size_t i = 0; i < verification.at("/engines").size(); ++i)
    agreement.figures.push_back({"Difference to " + verification.at(pointer("engines", i, "engine")).get<std::string>(),
                                 verification.cell(pointer("engines", i, "largest_difference"), 2),
                                 {"largest, over ", verification.cell("/rows"), " test rows"}});
  section.elements.push_back(agreement);
  for (std::size_t i = 0; i < evaluation.at("/notes").size(); ++i)
    section.elements.push_back(Text{evaluation.at(pointer("notes", i)), evaluation.source(pointer("notes", i))});
  return section;
}

Section data(const ReportContent& content) {
  Section section{"Data", {}};
  const Citation from(content.data, "data.json");
  section.elements.push_back(Figures{{{"Rows after cleaning", from.cell("/rows"), {}},
                                      {"Training rows", from.cell("/training_rows"), {}},
                                      {"Test rows", from.cell("/test_rows"), {}},
                                      {"Split", from.cell("/split"), {}}}});
  Grid cleaning{"Cleaning", {"step", "rows in", "rows out", "changed"}, {}};
  for (std::size_t i = 0; i < from.at("/cleaning").size(); ++i)
    cleaning.rows.push_back({from.cell(pointer("cleaning", i, "step")), from.cell(pointer("cleaning", i, "rows_in")),
                             from.cell(pointer("cleaning", i, "rows_out")),
                             from.cell(pointer("cleaning", i, "rows_changed"))});
  if (!cleaning.rows.empty()) section.elements.push_back(cleaning);
  if (from.has("/rejected_rows") && from.at("/rejected_rows").get<double>() > 0)
    section.elements.push_back(
        Verdict{Verdict::Level::attention,
                fmt::format("{} rows of the sources do not fit and are left out: see rejects.csv in the run's folder.",
                            from.cell("/rejected_rows").text),
                from.source("/rejected_rows")});
  for (const LeakageFinding& finding : content.leakage)
    section.elements.push_back(
        Verdict{finding.severe ? Verdict::Level::bad : Verdict::Level::attention, "Leakage: " + finding.evidence, ""});
  for (std::size_t i = 0; i < from.at("/notes").size(); ++i)
    section.elements.push_back(Text{from.at(pointer("notes", i)), from.source(pointer("notes", i))});
  Grid dropped{"Features left out by selection", {"feature", "why"}, {}};
  const Citation chosen(content.search, "search.json");
  if (chosen.has("/dropped_features"))
    for (std::size_t i = 0; i < chosen.at("/dropped_features").size(); ++i)
      dropped.rows.push_back(
          {chosen.cell(pointer("dropped_features", i, "feature")), chosen.cell(pointer("dropped_features", i, "why"))});
  if (!dropped.rows.empty()) section.elements.push_back(dropped);
  Grid columns{
      "Columns after cleaning", {"column", "type", "missing", "distinct", "low (1 %)", "median", "high (99 %)"}, {}};
  constexpr std::size_t most = 200;
  const std::size_t count = from.at("/columns").size();
  for (std::size_t i = 0; i < std::min(count, most); ++i) {
    std::vector<Cell> row;
    for (const char* key : {"name", "type", "missing", "distinct"})
      row.push_back(from.cell(pointer("columns", i, key)));
    for (const char* key : {"low", "median", "high"}) {
      const std::string place = pointer("columns", i, key);
      row.push_back(from.has(place) ? from.cell(place, 5) : Cell(""));
    }
    columns.rows.push_back(row);
  }
  section.elements.push_back(columns);
  if (count > most)
    section.elements.push_back(Text{fmt::format("{} further columns are in data.json.", count - most), ""});
  return section;
}

// A heat map over the first two searched options, the best over all others.
void add_heat_map(Section& section, const json& search) {
  std::vector<std::string> options;
  for (const json& candidate : search.at("candidates"))
    for (const auto& [name, value] : candidate.at("settings").items())
      if (std::find(options.begin(), options.end(), name) == options.end()) options.push_back(name);
  std::vector<std::pair<std::string, std::vector<std::string>>> axes;
  for (const std::string& option : options) {
    std::vector<std::string> values;
    for (const json& candidate : search.at("candidates")) {
      const std::string value = candidate.at("settings").value(option, "");
      if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    }
    if (values.size() > 1) axes.emplace_back(option, values);
  }
  if (axes.size() < 2) return;
  const auto& [x_name, x] = axes[0];
  const auto& [y_name, y] = axes[1];
  const bool higher = search.value("higher_is_better", true);
  std::vector<std::vector<double>> best(y.size(),
                                        std::vector<double>(x.size(), std::numeric_limits<double>::quiet_NaN()));
  for (const json& candidate : search.at("candidates")) {
    const auto at = [](const std::vector<std::string>& values, const std::string& value) {
      return static_cast<std::size_t>(std::find(values.begin(), values.end(), value) - values.begin());
    };
    double& cell = best[at(y, candidate["settings"].value(y_name, ""))][at(x, candidate["settings"].value(x_name, ""))];
    if (!candidate.at("mean").is_number()) continue;
    const double mean = candidate["mean"].get<double>();
    if (std::isnan(cell) || (higher ? mean > cell : mean < cell)) cell = mean;
  }
  section.elements.push_back(Chart{fmt::format("{} by {} and {}", search.value("metric", ""), x_name, y_name),
                                   heat_map(x, y, best, x_name, y_name), 320, "", "search.json#/candidates"});
}

Section search(const ReportContent& content) {
  Section section{"Search", {}};
  const json& search = content.search;
  const Citation from(search, "search.json");
  section.elements.push_back(Text{search.value("plan", ""), from.source("/plan")});
  Grid best{"Chosen", {"option", "value"}, {}};
  best.rows.push_back({"learner", content.configuration->learner});
  for (const auto& [name, value] : search.at("best").items())
    best.rows.push_back({name, from.cell(pointer("best", name))});
  section.elements.push_back(best);
  Grid grid{"Best candidates", {"rank", "settings", search.value("metric", ""), "deviation over folds"}, {}};
  std::vector<std::size_t> order(search.at("candidates").size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto rank = [&](std::size_t i) { return search["candidates"][i].at("rank").get<int>(); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  for (std::size_t i = 0; i < std::min<std::size_t>(10, order.size()); ++i) {
    std::string text;
    for (const auto& [name, value] : search["candidates"][order[i]].at("settings").items())
      text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, value.get<std::string>());
    grid.rows.push_back(
        {from.cell(pointer("candidates", order[i], "rank")),
         Cell(text.empty() ? "defaults" : text, from.source(pointer("candidates", order[i], "settings"))),
         from.cell(pointer("candidates", order[i], "mean")),
         from.cell(pointer("candidates", order[i], "standard_deviation"))});
  }
  section.elements.push_back(grid);
  add_heat_map(section, search);
  add_search_charts(section, search);
  return section;
}

Section lineage(const ReportContent& content) {
  Section section{"Lineage", {}};
  std::string sources;
  for (const Source& source : content.configuration->sources)
    sources += (sources.empty() ? "" : ", ") + source.location;
  const Citation data(content.data, "data.json");
  Grid grid{"", {"what", "value"}, {}};
  grid.rows = {{"run", content.run_id},
               {"made", format_time(now_microseconds() / 1'000'000 * 1'000'000)},
               {"build", std::string(build_identity())},
               {"sources", sources},
               {"data digest (SHA-256)", data.cell("/digest")},
               {"model.onnx (SHA-256)", content.model_digest},
               {"seed", std::to_string(content.configuration->seed)}};
  const Citation verification(content.verification, "verification.json");
  for (std::size_t i = 0; i < verification.at("/engines").size(); ++i)
    grid.rows.push_back({"largest difference to " + verification.at(pointer("engines", i, "engine")).get<std::string>(),
                         verification.cell(pointer("engines", i, "largest_difference"), 3)});
  section.elements.push_back(grid);
  return section;
}

}  // namespace

json data_document(const Configuration& configuration, const Dataset& dataset) {
  const table::TableProfile profile = table::profile_table(dataset.prepared.table);
  json document = {{"rows", dataset.prepared.table.rows()},           {"dropped_rows", dataset.prepared.dropped.rows()},
                   {"rejected_rows", dataset.prepared.rejected_rows}, {"training_rows", dataset.split.train.size()},
                   {"test_rows", dataset.split.test.size()},          {"split", configuration.split.options.method},
                   {"digest", dataset.prepared.data_digest},          {"notes", dataset.notes}};
  document["cleaning"] = document["columns"] = document["inputs"] = json::array();
  for (const auto& step : dataset.prepared.cleaning)
    document["cleaning"].push_back({{"step", step.step},
                                    {"rows_in", step.rows_in},
                                    {"rows_out", step.rows_out},
                                    {"rows_changed", step.rows_changed}});
  for (const auto& column : profile.columns) {
    json entry = {
        {"name", column.name}, {"type", column.type}, {"missing", column.missing}, {"distinct", column.distinct}};
    if ((column.type == "number" || column.type == "integer") && column.quantiles.size() > 6)
      entry.update({{"low", column.quantiles[0]}, {"median", column.quantiles[3]}, {"high", column.quantiles[6]}});
    document["columns"].push_back(std::move(entry));
  }
  for (const auto* names : {&dataset.plan.numeric, &dataset.plan.categorical, &dataset.plan.time})
    for (const std::string& name : *names) document["inputs"].push_back(name);
  for (const auto& derived : dataset.plan.derived)
    document["inputs"].push_back(derived.name + " = " + derived.expression);
  return document;
}

report::Page report_page(const ReportContent& content) {
  report::Page page;
  page.title = content.configuration->name;
  page.subtitle = fmt::format("{} on '{}'; run {}", content.evaluation.at("task").get<std::string>(),
                              content.configuration->schema.target, content.run_id);
  page.sections = {summary(content),
                   data(content),
                   search(content),
                   quality_section(content),
                   calibration_section(content),
                   threshold_section(content),
                   slice_section(content),
                   explanation_section(content),
                   fit_section(content),
                   lineage(content),
                   card_section(content)};
  // What a task has nothing to say about is left out.
  std::erase_if(page.sections, [](const Section& section) { return section.elements.empty(); });
  return page;
}

}  // namespace slipway::pipeline
