// The report of one run, from its documents.
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <slipway/pipeline/configuration.hpp>
#include <slipway/pipeline/dataset.hpp>
#include <slipway/pipeline/leakage.hpp>
#include <slipway/report/page.hpp>

namespace slipway::pipeline {

struct ReportContent {
  const Configuration* configuration = nullptr;
  const Dataset* dataset = nullptr;
  std::vector<LeakageFinding> leakage;
  std::string run_id;
  nlohmann::json data;          // data.json, as data_document makes it
  nlohmann::json search;        // search.json
  nlohmann::json evaluation;    // evaluation.json
  nlohmann::json explanation;   // explanation.json
  nlohmann::json verification;  // verification.json
  nlohmann::json gates;         // [{"text", "passed"}]
  std::string model_digest;
};

// data.json: rows, cleaning, split, columns; aggregates only.
nlohmann::json data_document(const Configuration& configuration, const Dataset& dataset);

report::Page report_page(const ReportContent& content);

}  // namespace slipway::pipeline
