#include "trees.hpp"

namespace slipway::package {

namespace {

using model::Trees;

std::size_t end_of_tree(const Trees& trees, std::size_t tree) {
  return tree + 1 < trees.roots.size() ? trees.roots[tree + 1] : trees.node_count();
}

// Writes the nodes of one tree. Every inner node has two children, the left one under its test, the right one under
// True; a missing value goes to defaultChild.
class NodeWriter {
 public:
  NodeWriter(std::string& out, const TreeFields& fields, const TreeSegment& segment)
      : out_(out), trees_(*segment.trees), segment_(segment) {
    for (const FieldId id : fields.columns) {
      names_.push_back(escaped(fields.fields[id].name));
      may_be_missing_.push_back(fields.fields[id].may_be_missing ? 1 : 0);
    }
    for (const std::string& name : segment.classes) classes_.push_back(escaped(name));
  }

  void write(std::size_t root) {
    struct Step {
      std::size_t node;
      std::size_t parent;  // SIZE_MAX for the root
      bool closes;
    };
    root_ = root;
    std::vector<Step> stack = {{root, std::numeric_limits<std::size_t>::max(), false}};
    while (!stack.empty()) {
      const Step step = stack.back();
      stack.pop_back();
      if (step.closes) {
        out_ += "\n</Node>";
        continue;
      }
      open_node(step.node, step.parent);
      if (trees_.feature[step.node] == Trees::leaf) {
        out_ += "</Node>";
        continue;
      }
      stack.push_back({step.node, 0, true});
      stack.push_back({trees_.right[step.node], step.node, false});
      stack.push_back({trees_.left[step.node], step.node, false});
    }
  }

 private:
  bool tests_missing(std::size_t node) const {
    return may_be_missing_[static_cast<std::size_t>(trees_.feature[node])] != 0;
  }

  // Engines number the nodes without an id themselves; a letter keeps ours apart.
  void append_id(std::size_t node) { out_ += 'n' + std::to_string(node - root_); }

  void open_node(std::size_t node, std::size_t parent) {
    const bool is_root = parent == std::numeric_limits<std::size_t>::max();
    const bool is_leaf = trees_.feature[node] == Trees::leaf;
    out_ += "\n<Node";
    // Only the nodes that defaultChild names need a number.
    if (!is_root && tests_missing(parent) && (trees_.missing_left[parent] == 1) == (trees_.left[parent] == node)) {
      out_ += " id=\"";
      append_id(node);
      out_ += '"';
    }
    if (is_leaf) append_score(node);
    if (!is_leaf && tests_missing(node)) {
      out_ += " defaultChild=\"";
      append_id(trees_.missing_left[node] == 1 ? trees_.left[node] : trees_.right[node]);
      out_ += '"';
    }
    out_ += '>';
    if (is_root || trees_.right[parent] == node) {
      out_ += "<True/>";
    } else {
      append_test(parent);
    }
    if (is_leaf && !classes_.empty()) append_distribution(node);
  }

  void append_test(std::size_t node) {
    const std::string& name = names_[static_cast<std::size_t>(trees_.feature[node])];
    const float threshold = trees_.threshold[node];
    if (std::isinf(threshold) && (trees_.missing_left[node] == 1 || !tests_missing(node))) {
      out_ += "<True/>";
      return;
    }
    out_ += "<SimplePredicate field=\"";
    out_ += name;
    if (std::isinf(threshold)) {  // every value there is
      out_ += "\" operator=\"isNotMissing\"/>";
      return;
    }
    out_ += "\" operator=\"lessOrEqual\" value=\"";
    append_number(out_, threshold == 0 ? 0.0F : threshold);  // to an engine -0 may lie below 0
    out_ += "\"/>";
  }

  const float* leaf_row(std::size_t node) const {
    return trees_.leaf_values.data() + std::size_t{trees_.left[node]} * trees_.outputs;
  }

  void append_score(std::size_t node) {
    out_ += " score=\"";
    const float* row = leaf_row(node);
    if (classes_.empty()) {
      append_number(out_, row[segment_.output]);
    } else {
      out_ += classes_[static_cast<std::size_t>(std::max_element(row, row + trees_.outputs) - row)];
    }
    out_ += '"';
  }

  void append_distribution(std::size_t node) {
    const float* row = leaf_row(node);
    for (std::size_t k = 0; k < classes_.size(); ++k) {
      out_ += "<ScoreDistribution value=\"";
      out_ += classes_[k];
      out_ += "\" recordCount=\"";
      append_number(out_, row[k]);
      out_ += "\"/>";
    }
  }

  std::string& out_;
  const Trees& trees_;
  const TreeSegment& segment_;
  std::vector<std::string> names_;
  std::vector<std::uint8_t> may_be_missing_;
  std::vector<std::string> classes_;
  std::size_t root_ = 0;
};

// The trees whose leaves hold anything but zeros for the output.
std::vector<std::size_t> trees_for_output(const Trees& trees, std::uint32_t output) {
  std::vector<std::size_t> chosen;
  for (std::size_t tree = 0; tree < trees.roots.size(); ++tree) {
    bool any = false;
    for (std::size_t node = trees.roots[tree]; node < end_of_tree(trees, tree) && !any; ++node)
      any = trees.feature[node] == Trees::leaf &&
            trees.leaf_values[std::size_t{trees.left[node]} * trees.outputs + output] != 0;
    if (any) chosen.push_back(tree);
  }
  if (chosen.empty()) chosen.push_back(0);
  return chosen;
}

void write_output(XmlWriter& xml, const PmmlFields& fields, const TreeSegment& segment) {
  xml.open("Output");
  for (std::size_t i = 0; i < segment.made.size(); ++i) {
    xml.open("OutputField").attribute("name", fields[segment.made[i]].name).attribute("optype", "continuous");
    xml.attribute("dataType", "float");
    if (segment.classes.empty()) {
      xml.attribute("feature", "predictedValue");
    } else {
      xml.attribute("feature", "probability").attribute("value", segment.classes[i]);
    }
    xml.attribute("isFinalResult", "false").close();
  }
  xml.close();
}

void open_model(XmlWriter& xml, std::string_view element, const TreeSegment& segment) {
  xml.open(element).attribute("functionName", segment.classes.empty() ? "regression" : "classification");
}

void write_tree(XmlWriter& xml, const TreeFields& fields, const TreeSegment& segment, NodeWriter& nodes,
                std::size_t tree, std::string_view target, const std::string* local) {
  const Trees& trees = *segment.trees;
  open_model(xml, "TreeModel", segment);
  std::vector<FieldId> read;  // ascending
  bool missing = false;
  for (std::size_t node = trees.roots[tree]; node < end_of_tree(trees, tree); ++node) {
    if (trees.feature[node] == Trees::leaf) continue;
    read.push_back(fields.columns[static_cast<std::size_t>(trees.feature[node])]);
    missing = missing || fields.fields[read.back()].may_be_missing;
  }
  if (missing) xml.attribute("missingValueStrategy", "defaultChild");
  xml.attribute("noTrueChildStrategy", "returnLastPrediction").attribute("splitCharacteristic", "binarySplit");
  std::ranges::sort(read);
  read.erase(std::unique(read.begin(), read.end()), read.end());
  std::vector<FieldId> listed = fields.schema_of(read);
  if (local != nullptr)  // its own derived fields
    std::erase_if(listed, [&](FieldId id) { return fields.fields[id].source == PmmlField::Source::derived; });
  write_mining_schema(xml, fields.fields, listed, target);
  if (local != nullptr) {
    write_output(xml, fields.fields, segment);
    xml.raw(*local);
  }
  nodes.write(trees.roots[tree]);
  xml.close();
}

}  // namespace

std::vector<FieldId> TreeFields::schema_of(const std::vector<FieldId>& read) const {
  std::set<FieldId> listed;
  for (const FieldId id : fields.closure(read)) {
    const PmmlField& field = fields[id];
    // Derived fields before the chain are the document's own and must not be listed; those after it are the ensemble's,
    // and a tree lists the ones it reads.
    if (field.source == PmmlField::Source::input) listed.insert(id);
    if (field.after_segments &&
        (field.source == PmmlField::Source::segment_output || std::ranges::binary_search(read, id)))
      listed.insert(id);
  }
  if (listed.empty()) return any;
  return {listed.begin(), listed.end()};
}

bool holds_distributions(const Trees& trees) {
  if (trees.aggregate != Trees::Aggregate::mean || trees.outputs < 2) return false;
  for (const float base : trees.base)
    if (base != 0) return false;
  for (std::size_t row = 0; row < trees.leaf_values.size(); row += trees.outputs) {
    double sum = 0;
    for (std::uint32_t k = 0; k < trees.outputs; ++k) {
      if (trees.leaf_values[row + k] < 0) return false;
      sum += trees.leaf_values[row + k];
    }
    if (std::fabs(sum - 1) > 1e-6) return false;
  }
  return true;
}

void write_mining_schema(XmlWriter& xml, const PmmlFields& fields, const std::vector<FieldId>& listed,
                         std::string_view target) {
  xml.open("MiningSchema");
  if (!target.empty()) xml.open("MiningField").attribute("name", target).attribute("usageType", "target").close();
  for (const FieldId id : listed) xml.open("MiningField").attribute("name", fields[id].name).close();
  xml.close();
}

void write_tree_segment(XmlWriter& xml, const TreeFields& fields, const TreeSegment& segment, std::string_view target,
                        const std::string& local) {
  const Trees& trees = *segment.trees;
  const std::string_view own_target = segment.classes.empty() ? std::string_view() : target;
  std::vector<std::size_t> chosen(trees.roots.size());
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  if (segment.classes.empty()) chosen = trees_for_output(trees, segment.output);
  if (chosen.size() == 1) {
    NodeWriter nodes(xml.body(), fields, segment);
    write_tree(xml, fields, segment, nodes, chosen[0], own_target, &local);
    return;
  }
  open_model(xml, "MiningModel", segment);
  std::vector<FieldId> read;
  for (const std::size_t tree : chosen)
    for (std::size_t node = trees.roots[tree]; node < end_of_tree(trees, tree); ++node)
      if (trees.feature[node] != Trees::leaf)
        read.push_back(fields.columns[static_cast<std::size_t>(trees.feature[node])]);
  std::ranges::sort(read);
  read.erase(std::unique(read.begin(), read.end()), read.end());
  std::vector<FieldId> listed = fields.schema_of(read);
  std::erase_if(listed, [&](FieldId id) { return fields.fields[id].source == PmmlField::Source::derived; });
  write_mining_schema(xml, fields.fields, listed, own_target);
  write_output(xml, fields.fields, segment);
  xml.raw(local);
  xml.open("Segmentation").attribute("multipleModelMethod", segment.classes.empty() ? "sum" : "average");
  NodeWriter nodes(xml.body(), fields, segment);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    xml.open("Segment").attribute("id", i + 1).open("True").close();
    write_tree(xml, fields, segment, nodes, chosen[i], own_target, nullptr);
    xml.close();
  }
  xml.close().close();
}

}  // namespace slipway::package
