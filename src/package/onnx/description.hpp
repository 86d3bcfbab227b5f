// What a Model knows that an ONNX graph has no place for, as the JSON of metadata_props.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::package {

inline constexpr std::string_view format_key = "slipway.format";

// Keys and values in the order in which they are written: the model's own, ours ("slipway.task", "slipway.inputs",
// ...), and format_key at the end.
Result<std::vector<std::pair<std::string, std::string>>> describe_model(const model::Model& model);

// The names, kinds and columns of a Model without its operators. For formulas, which values they read and their source.
struct Description {
  struct Formula {
    std::string source;
    std::vector<model::ValueId> reads;
  };
  model::Model model;  // operators empty; values as many as described
  std::map<model::ValueId, Formula> formulas;
  std::map<model::ValueId, model::Terms> terms;    // but for their input
  std::map<model::ValueId, model::Match> matches;  // likewise
};
Result<Description> read_description(const std::map<std::string, std::string, std::less<>>& properties);

}  // namespace slipway::package
