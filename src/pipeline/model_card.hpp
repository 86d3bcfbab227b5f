// The model card: what the model is for, what it was made from, how good it is and where it fails (Mitchell and others
// 2019), as Markdown for the bundle.
#pragma once
#include <string>

#include "report_page.hpp"

namespace slipway::pipeline {

// card.md.
std::string model_card(const ReportContent& content);

}  // namespace slipway::pipeline
