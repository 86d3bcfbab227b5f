// The sections of a report, one function each, from the documents of a run.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <slipway/report/page.hpp>

#include "report_page.hpp"

namespace slipway::pipeline {

// The measures that a person looks at first, by task ("binary", "multiclass", "regression"), with their titles.
std::vector<std::pair<std::string, std::string>> headline(const std::string& task);

report::Section quality_section(const ReportContent& content);      // report_quality.cpp
report::Section calibration_section(const ReportContent& content);  // binary only
report::Section threshold_section(const ReportContent& content);    // binary only
report::Section slice_section(const ReportContent& content);        // report_fit.cpp
report::Section fit_section(const ReportContent& content);
report::Section explanation_section(const ReportContent& content);  // report_explanation.cpp
report::Section card_section(const ReportContent& content);         // model_card.cpp

}  // namespace slipway::pipeline
