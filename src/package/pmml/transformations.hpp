// The operators of a Model, all but Trees and Decide, as derived fields.
#pragma once
#include <string>
#include <vector>

#include <slipway/model/model.hpp>

#include "fields.hpp"

namespace slipway::package {

// The field of every column of every value made so far.
using PmmlColumns = std::vector<std::vector<FieldId>>;

// The fields of the operator's output columns. An operator that PMML cannot hold is an error that says why.
Result<std::vector<FieldId>> write_transformation(PmmlFields& fields, const PmmlColumns& columns,
                                                  const model::Model& model, const model::Operator& op,
                                                  const std::string& name);

// A formula's result.
PmmlTerm write_formula(PmmlFields& fields, const PmmlColumns& columns, const model::Expression& op,
                       const std::string& name);

// What a Dense operator's column is before its activation.
PmmlTerm weighted_inputs(const PmmlFields& fields, const std::vector<FieldId>& inputs, const model::Dense& op,
                         std::size_t column);

}  // namespace slipway::package
