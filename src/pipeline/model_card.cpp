#include "model_card.hpp"

#include <fmt/format.h>

#include <slipway/pipeline/build_identity.hpp>

#include "report_cells.hpp"
#include "report_sections.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;
using report::Cell;
using report::Grid;

// What the card says, as groups of name and text.
std::vector<Grid> card_of(const ReportContent& content) {
  const Configuration& configuration = *content.configuration;
  const Citation evaluation(content.evaluation, "evaluation.json");
  const Citation data(content.data, "data.json");
  std::vector<Grid> parts;
  const std::string task = evaluation.at("/task");
  Grid model{"Model", {"", ""}, {}};
  model.rows = {{"name", configuration.name},
                {"task", task == "binary"       ? "two classes"
                         : task == "multiclass" ? "several classes"
                                                : "a number"},
                {"target", configuration.schema.target},
                {"learner", configuration.learner},
                {"run", content.run_id},
                {"build", std::string(build_identity())},
                {"model.onnx (SHA-256)", content.model_digest},
                {"data (SHA-256)", data.cell("/digest")}};
  parts.push_back(model);
  Grid use{"Use", {"", ""}, {}};
  for (const auto& option : card_options) {
    const std::string text = params::show_option(configuration.card, option);
    std::string title(option.name);
    std::replace(title.begin(), title.end(), '_', ' ');
    use.rows.push_back({title, text.empty() ? "not stated (card: " + std::string(option.name) + ")" : text});
  }
  parts.push_back(use);
  Grid rows{"Data", {"", ""}, {}};
  rows.rows = {{"rows after cleaning", data.cell("/rows")},
               {"training rows", data.cell("/training_rows")},
               {"test rows", data.cell("/test_rows")},
               {"split", data.cell("/split")}};
  std::string inputs;
  for (const json& input : data.at("/inputs")) inputs += (inputs.empty() ? "" : ", ") + input.get<std::string>();
  rows.rows.push_back({"inputs", Cell(inputs, data.source("/inputs"))});
  parts.push_back(rows);
  Grid quality{"Quality on the test rows", {"measure", "value", "95 % interval", "constant prediction"}, {}};
  for (const auto& [name, title] : headline(task)) {
    if (!evaluation.has(pointer("metrics", name))) continue;
    const std::string interval = pointer("intervals", name);
    quality.rows.push_back(
        {title, evaluation.cell(pointer("metrics", name)),
         evaluation.has(interval)
             ? Cell(evaluation.cell(interval + "/0").text + " to " + evaluation.cell(interval + "/1").text,
                    evaluation.source(interval))
             : Cell(""),
         evaluation.has(pointer("baseline", name)) ? evaluation.cell(pointer("baseline", name)) : Cell("")});
  }
  parts.push_back(quality);
  Grid limits{"Limits", {"", ""}, {}};
  if (evaluation.has("/fit/text")) limits.rows.push_back({"fit", evaluation.cell("/fit/text")});
  if (evaluation.has("/calibration_check/text"))
    limits.rows.push_back({"calibration", evaluation.cell("/calibration_check/text")});
  for (std::size_t i = 0; i < evaluation.at("/found_slices").size(); ++i)
    limits.rows.push_back({"weaker where", evaluation.cell(pointer("found_slices", i, "name"))});
  for (std::size_t i = 0; i < evaluation.at("/slices").size(); ++i)
    for (std::size_t k = 0; k < evaluation.at(pointer("slices", i, "fairness")).size(); ++k) {
      const std::string place = pointer("slices", i, "fairness", k);
      if (evaluation.at(place + "/ratio").get<double>() >= 0.8) continue;
      limits.rows.push_back({fmt::format("{} by {}", evaluation.at(place + "/name").get<std::string>(),
                                         evaluation.at(pointer("slices", i, "column")).get<std::string>()),
                             Cell(fmt::format("ratio {} ({} against {})", evaluation.cell(place + "/ratio", 3).text,
                                              evaluation.at(place + "/lowest").get<std::string>(),
                                              evaluation.at(place + "/highest").get<std::string>()),
                                  evaluation.source(place + "/ratio"))});
    }
  for (std::size_t i = 0; i < evaluation.at("/notes").size(); ++i)
    limits.rows.push_back({"note", evaluation.cell(pointer("notes", i))});
  if (!limits.rows.empty()) parts.push_back(limits);
  return parts;
}

// A cell of a Markdown table.
std::string markdown(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string model_card(const ReportContent& content) {
  std::string out = fmt::format("# Model card: {}\n", content.configuration->name);
  for (const Grid& part : card_of(content)) {
    out += fmt::format("\n## {}\n\n|", part.caption);
    for (const std::string& cell : part.header) out += fmt::format(" {} |", markdown(cell));
    out += "\n|";
    for (std::size_t i = 0; i < part.header.size(); ++i) out += "---|";
    out += "\n";
    for (const auto& row : part.rows) {
      out += "|";
      for (const Cell& cell : row) out += fmt::format(" {} |", markdown(cell.text));
      out += "\n";
    }
  }
  out += "\nEvery number comes from evaluation.json and data.json of the same bundle.\n";
  return out;
}

report::Section card_section(const ReportContent& content) {
  report::Section section{"Model card", {}};
  for (Grid& part : card_of(content)) section.elements.emplace_back(std::move(part));
  return section;
}

}  // namespace slipway::pipeline
