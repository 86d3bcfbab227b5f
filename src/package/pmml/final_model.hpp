// The model at the end of a PMML document: from fields to the scores.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <slipway/model/model.hpp>

#include "fields.hpp"
#include "transformations.hpp"
#include "xml_writer.hpp"

namespace slipway::package {

class FinalModel {
 public:
  virtual ~FinalModel() = default;
  // Opens the element with its attributes.
  virtual void open(XmlWriter& xml) const = 0;
  // What stands behind MiningSchema, Output and LocalTransformations, as XML.
  virtual std::string body() const = 0;
  // The fields it reads, ascending.
  virtual std::vector<FieldId> reads() const = 0;
};

// A NeuralNetwork where the scores come from two layers or more, else a RegressionModel. Refuses class scores that do
// not sum to 1. `target` is the name of the field that is predicted. The arguments must outlive the result.
Result<std::unique_ptr<FinalModel>> make_final_model(const PmmlFields& fields, const PmmlColumns& columns,
                                                     const model::Model& model, const std::string& target);

}  // namespace slipway::package
