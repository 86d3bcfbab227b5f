// Finding a bundle from what the user names: its folder, or a registry with a model in it.
#pragma once
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/package/bundle.hpp>
#include <slipway/table/table.hpp>

namespace slipway::app {

// A bundle's folder; a registry's folder with one model, of which the champion is meant; or models/fraud@challenger and
// the like, "folder/NAME[@alias | /VERSION]".
Result<package::Bundle> find_bundle(const std::string& location);

// The columns of the table that the bundle's schema names as ids, or, if it names none, all columns that are no input
// and look like identifiers or are named like one.
std::vector<std::string> id_columns(const package::Bundle& bundle, const table::Table& table);

// The column names of scores: "score", or "score_<class>" for several classes.
std::vector<std::string> score_columns(const model::Model& model);

}  // namespace slipway::app
