// The reference page of all options, written from their declarations.
#pragma once
#include <string>

namespace slipway::pipeline {

// Markdown: one table per group of options, with type, default, range and meaning.
std::string options_reference();

}  // namespace slipway::pipeline
