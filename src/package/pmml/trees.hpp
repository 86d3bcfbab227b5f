// A Trees operator as PMML models.
#pragma once
#include <string>
#include <vector>

#include <slipway/model/operators.hpp>

#include "fields.hpp"
#include "xml_writer.hpp"

namespace slipway::package {

// What the tree models need to know of the fields that they read.
struct TreeFields {
  const PmmlFields& fields;
  const std::vector<FieldId>& columns;  // a field per column of the operator's input
  // The fields that a model's MiningSchema lists so that it can read these (ascending).
  std::vector<FieldId> schema_of(const std::vector<FieldId>& read) const;
  std::vector<FieldId> any;  // listed where a tree reads nothing, since a MiningSchema may not be empty
};

// What an ensemble stands for in the chain.
struct TreeSegment {
  const model::Trees* trees = nullptr;
  std::uint32_t output = 0;               // of the trees' outputs; unused for classes
  std::vector<FieldId> made = {};         // the field of its output; a field per class for classes
  std::vector<std::string> classes = {};  // leaves hold a distribution over these
};

// Whether every leaf holds a distribution (no number below 0, sum 1) and the trees are averaged.
bool holds_distributions(const model::Trees& trees);

// Writes <MiningModel> or, for one tree, <TreeModel>, with `local` between MiningSchema and trees and the output named
// as segment.made says. The sum is over the trees that add to the output at all; base and the mean's divisor are the
// caller's (scale_of), but for classes, whose mean is taken here.
void write_tree_segment(XmlWriter& xml, const TreeFields& fields, const TreeSegment& segment, std::string_view target,
                        const std::string& local);

void write_mining_schema(XmlWriter& xml, const PmmlFields& fields, const std::vector<FieldId>& listed,
                         std::string_view target);

}  // namespace slipway::package
