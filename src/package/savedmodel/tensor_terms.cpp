#include <fmt/format.h>

#include <slipway/model/terms.hpp>

#include "tensor_operators.hpp"

namespace slipway::package {

namespace {

// Words or characters of every text, one after the other, and where those of each text begin: [N + 1].
struct Pieces {
  std::string texts;
  std::string splits;
};

std::string range(TensorGraph& graph, std::string_view part, const std::string& count) {
  const std::string prefix(part);
  return graph.add("Range", part, {graph.int64(prefix + "/from", 0), count, graph.int64(prefix + "/step", 1)},
                   {{"Tidx", tensor_int64}});
}

std::string size(TensorGraph& graph, std::string_view part, const std::string& x, TensorType type) {
  return graph.add("Size", part, {x}, {{"T", type}, {"out_type", tensor_int64}});
}

std::string segment_sum(TensorGraph& graph, std::string_view part, const std::string& values, TensorType type,
                        const std::string& segments, const std::string& count) {
  return graph.add("UnsortedSegmentSum", part, {values, segments, count},
                   {{"T", type}, {"Tindices", tensor_int64}, {"Tnumsegments", tensor_int64}});
}

// A vector of `count` equal values.
std::string repeated(TensorGraph& graph, std::string_view part, const std::string& value, TensorType type,
                     const std::string& count) {
  const std::string shape = graph.expand(std::string(part) + "/shape", count, tensor_int64, 0);
  return graph.add("Fill", part, {shape, value}, {{"T", type}, {"index_type", tensor_int64}});
}

Pieces split_words(TensorGraph& graph, const std::string& lower, const std::string& rows, int shortest) {
  // Within the pattern, characters above 127 stand for all bytes above 127.
  const std::string_view no_word = "[^a-z0-9_\\x{80}-\\x{10FFFF}]+";
  std::string spaced = graph.add("StaticRegexReplace", "spaced", {lower},
                                 {{"pattern", no_word}, {"rewrite", std::string_view(" ")}, {"replace_global", true}});
  if (shortest > 1) {
    const std::string shorter =
        "(?:^| )(?:[a-z0-9_\\x{80}-\\x{10FFFF}]{1," + std::to_string(shortest - 1) + "}(?: |$))+";
    spaced = graph.add(
        "StaticRegexReplace", "long_enough", {spaced},
        {{"pattern", std::string_view(shorter)}, {"rewrite", std::string_view(" ")}, {"replace_global", true}});
  }
  const std::string words =
      graph.add("StringSplitV2", "words", {spaced, graph.text("blank", "")}, {{"maxsplit", std::int64_t{-1}}});
  const std::string row = graph.gather("row", words, tensor_int64, graph.int32("row/column", 0), tensor_int32, 1);
  const std::string texts = words + ":1";
  const std::string ones =
      repeated(graph, "ones", graph.int64("one", 1), tensor_int64, size(graph, "word_count", texts, tensor_string));
  const std::string counts = segment_sum(graph, "counts", ones, tensor_int64, row, rows);
  const std::string ends =
      graph.add("Cumsum", "ends", {counts, graph.int32("ends/axis", 0)},
                {{"exclusive", false}, {"reverse", false}, {"T", tensor_int64}, {"Tidx", tensor_int32}});
  const std::int64_t zero = 0;
  const std::string parts[] = {graph.int64s("first", {1}, std::span(&zero, 1)), ends};
  return {texts, graph.concatenate("splits", parts, tensor_int64, 0)};
}

Pieces split_characters(TensorGraph& graph, const std::string& lower) {
  const std::string_view utf8 = "UTF-8", replace = "replace";
  const std::string decoded = graph.add("UnicodeDecode", "decoded", {lower},
                                        {{"input_encoding", utf8},
                                         {"errors", replace},
                                         {"replacement_char", std::int64_t{65533}},
                                         {"replace_control_characters", false},
                                         {"Tsplits", tensor_int64}});
  const std::string codes = decoded + ":1";
  const std::string after_last = graph.add(
      "AddV2", "after_last", {size(graph, "code_count", codes, tensor_int32), graph.int64("one", 1)}, tensor_int64);
  const std::string texts = graph.add("UnicodeEncode", "characters", {codes, range(graph, "each", after_last)},
                                      {{"errors", replace},
                                       {"output_encoding", utf8},
                                       {"replacement_char", std::int64_t{65533}},
                                       {"Tsplits", tensor_int64}});
  return {texts, decoded};
}

}  // namespace

std::string write_tensor_terms(TensorGraph graph, const model::Terms& op, const std::string& input) {
  const auto width = static_cast<std::int64_t>(op.terms.size());
  const bool words = op.unit == model::Terms::Unit::word;
  const std::string rows = size(graph, "rows", input, tensor_string);
  std::string lower = graph.add("StringLower", "lower", {input}, {{"encoding", std::string_view()}});
  int replaced = 0;
  for (const auto& [upper, small] : model::upper_forms_in_terms(op))
    lower = graph.add(
        "StaticRegexReplace", fmt::format("lower_{}", replaced++), {lower},
        {{"pattern", std::string_view(upper)}, {"rewrite", std::string_view(small)}, {"replace_global", true}});
  const Pieces pieces = words ? split_words(graph, lower, rows, op.shortest_word) : split_characters(graph, lower);
  tensorflow::Node* runs = graph.node("StringNGrams", "runs", {pieces.texts, pieces.splits},
                                      {{"separator", std::string_view(words ? " " : "")},
                                       {"left_pad", std::string_view()},
                                       {"right_pad", std::string_view()},
                                       {"pad_width", std::int64_t{0}},
                                       {"preserve_short_sequences", false},
                                       {"Tsplits", tensor_int64}});
  tensorflow::AttributeList* lengths = add_attribute(*runs, "ngram_widths")->mutable_list();
  for (int length = op.minimum_length; length <= op.maximum_length; ++length) lengths->add_i(length);
  const std::string run = runs->name();

  // Every run's text row: the number of splits that are not above its place, less one.
  const std::string place = range(graph, "place", size(graph, "run_count", run, tensor_string));
  const std::string splits_row = graph.expand("splits_row", run + ":1", tensor_int64, 0);
  const std::string not_above =
      graph.add("UpperBound", "not_above", {splits_row, graph.expand("place_row", place, tensor_int64, 0)},
                {{"T", tensor_int64}, {"out_type", tensor_int64}});
  const std::int32_t flat[] = {-1};
  const std::string flat_shape = graph.int32s("flat", {1}, flat);
  const std::string row = graph.add(
      "Sub", "row_of_run",
      {graph.reshape("not_above_flat", not_above, tensor_int64, flat_shape), graph.int64("step", 1)}, tensor_int64);

  // Counts in a table of [N, terms + 1] whose last column takes the unknown runs.
  const std::string term = graph.find_text("term", run, op.terms, width);
  const std::string columns = graph.int64("columns", width + 1);
  const std::string cell =
      graph.add("AddV2", "cell", {graph.add("Mul", "row_begin", {row, columns}, tensor_int64), term}, tensor_int64);
  const std::string cells = graph.add("Mul", "cells", {rows, columns}, tensor_int64);
  const std::string ones =
      repeated(graph, "unit", graph.scalar("unit/one", 1), tensor_float, size(graph, "unit_count", run, tensor_string));
  const std::string counted = segment_sum(graph, "counted", ones, tensor_float, cell, cells);
  const std::int32_t shape[] = {-1, static_cast<std::int32_t>(width + 1)};
  const std::string table = graph.reshape("table", counted, tensor_float, graph.int32s("table/shape", {2}, shape));
  const std::int32_t begin[] = {0, 0}, extent[] = {-1, static_cast<std::int32_t>(width)};
  std::string known = graph.add(
      "Slice", "known", {table, graph.int32s("known/begin", {2}, begin), graph.int32s("known/size", {2}, extent)},
      {{"T", tensor_float}, {"Index", tensor_int32}});

  if (op.sublinear) {
    const std::string one = graph.scalar("sublinear/one", 1);
    const std::string at_least_one = graph.add("Maximum", "sublinear/count", {known, one});
    const std::string damped =
        graph.add("AddV2", "sublinear/damped", {graph.add("Log", "sublinear/log", {at_least_one}), one});
    const std::string occurs = graph.add("Greater", "sublinear/occurs", {known, graph.scalar("sublinear/zero", 0)});
    known = graph.add("SelectV2", "sublinear", {occurs, damped, known});
  }
  const std::string weighted = graph.add("Mul", "weighted", {known, graph.floats("weights", {1, width}, op.weights)});
  if (op.norm == model::Terms::Norm::none) return weighted;
  const bool squares = op.norm == model::Terms::Norm::l2;
  std::string norm = graph.sum("norm", graph.add(squares ? "Square" : "Abs", "sizes", {weighted}), tensor_float, true);
  if (squares) norm = graph.add("Sqrt", "root", {norm});
  const std::string some = graph.add("Greater", "some", {norm, graph.scalar("nothing", 0)});
  const std::string divisor = graph.add("SelectV2", "divisor", {some, norm, graph.scalar("unit_norm", 1)});
  return graph.add("RealDiv", "normalised", {weighted, divisor});
}

}  // namespace slipway::package
