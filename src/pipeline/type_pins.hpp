// The types of the sources' columns, inferred by the first run and kept beside the configuration: later files are read
// by them.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/pipeline/configuration.hpp>
#include <slipway/table/source.hpp>

namespace slipway::pipeline {

using SourceTypes = std::map<std::string, std::vector<table::ColumnInfo>>;  // source -> columns

// fraud.yaml -> fraud.types.yaml; empty where there is no configuration file or pins are turned off.
std::filesystem::path type_pins_file(const Configuration& configuration);

// What the file holds; nothing if there is none. An error names the place.
Result<SourceTypes> read_type_pins(const Configuration& configuration);

// The file's text.
std::string type_pins_text(const SourceTypes& types);

}  // namespace slipway::pipeline
