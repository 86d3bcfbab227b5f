#include <algorithm>

#include <slipway/explain/importance.hpp>

#include "ensemble.hpp"

namespace slipway::explain {
namespace {

// Adds what each split of one tree takes away, by column. A node's value is the mean of its leaves by cover; the
// variance between two children of cover a and b with values u and v is a b / (a + b) (u - v)^2.
void add_tree(const model::Trees& trees, std::size_t first, std::size_t last, std::vector<double>& by_column) {
  const std::size_t outputs = trees.outputs;
  std::vector<double> values((last - first) * outputs, 0.0), cover(last - first, 0.0);
  for (std::size_t node = last; node-- > first;) {  // children lie behind their parent
    double* value = values.data() + (node - first) * outputs;
    if (trees.feature[node] == model::Trees::leaf) {
      cover[node - first] = trees.cover[node];
      const float* leaf = trees.leaf_values.data() + std::size_t{trees.left[node]} * outputs;
      std::copy_n(leaf, outputs, value);
      continue;
    }
    const std::size_t left = trees.left[node] - first, right = trees.right[node] - first;
    const double sum = cover[left] + cover[right];
    cover[node - first] = sum;
    if (!(sum > 0)) continue;
    double distance = 0;
    for (std::size_t o = 0; o < outputs; ++o) {
      const double u = values[left * outputs + o], v = values[right * outputs + o];
      distance += (u - v) * (u - v);
      value[o] = (cover[left] * u + cover[right] * v) / sum;
    }
    by_column[static_cast<std::size_t>(trees.feature[node])] += cover[left] * cover[right] / sum * distance;
  }
}

}  // namespace

std::vector<ImpurityImportance> impurity_importance(const model::Model& model) {
  std::vector<double> by_input(model.inputs.size(), 0.0);
  bool any = false;
  for (const model::Operator& op : model.operators) {
    const auto* trees = std::get_if<model::Trees>(&op);
    if (trees == nullptr || !check_cover(*trees).ok()) continue;
    any = true;
    std::vector<double> by_column(model.values[trees->input].width(), 0.0);
    for (std::size_t t = 0; t < trees->roots.size(); ++t) {
      std::vector<double> of_tree(by_column.size(), 0.0);
      const std::size_t last = t + 1 < trees->roots.size() ? trees->roots[t + 1] : trees->node_count();
      add_tree(*trees, trees->roots[t], last, of_tree);
      double sum = 0;
      for (const double value : of_tree) sum += value;
      const double scale = trees->aggregate == model::Trees::Aggregate::sum ? 1 : sum > 0 ? 1 / sum : 0;
      for (std::size_t c = 0; c < by_column.size(); ++c) by_column[c] += of_tree[c] * scale;
    }
    const auto sources = model::column_sources(model, trees->input);
    for (std::size_t c = 0; c < by_column.size(); ++c)
      for (const std::uint32_t input : sources[c])
        by_input[input] += by_column[c] / static_cast<double>(sources[c].size());
  }
  if (!any) return {};
  double sum = 0;
  for (const double value : by_input) sum += value;
  std::vector<ImpurityImportance> result;
  for (std::size_t i = 0; i < by_input.size(); ++i)
    result.push_back({model.inputs[i].name, sum > 0 ? by_input[i] / sum : 0});
  std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.value > b.value; });
  return result;
}

}  // namespace slipway::explain
