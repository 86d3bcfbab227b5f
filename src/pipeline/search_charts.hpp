// Plots of a search: the path over one option, all candidates as lines over their options, halving rung by rung.
#pragma once
#include <nlohmann/json.hpp>

#include <slipway/report/page.hpp>

namespace slipway::pipeline {

// Adds what there is to show to the report's section; `search` is search.json.
void add_search_charts(report::Section& section, const nlohmann::json& search);

}  // namespace slipway::pipeline
