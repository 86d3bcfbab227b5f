#include "terms.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include <slipway/model/terms.hpp>

namespace slipway::features {
namespace {

struct Occurrences {
  std::int64_t texts = 0;  // that hold the term
  std::int64_t all = 0;
};

// A count as it is, or a share (below 1, and 1 for `all_is_share`) of the texts.
double as_count(double value, std::int64_t texts, bool one_is_share) {
  return value < 1 || (one_is_share && value == 1) ? value * static_cast<double>(texts) : value;
}

}  // namespace

Result<model::Terms> fit_terms(const table::TextColumn& column, std::span<const std::uint32_t> rows,
                               const TextOptions& options) {
  model::Terms terms;
  terms.unit = options.analyzer == "word" ? model::Terms::Unit::word : model::Terms::Unit::character;
  terms.minimum_length = static_cast<std::uint8_t>(options.ngram_minimum);
  terms.maximum_length = static_cast<std::uint8_t>(options.ngram_maximum);
  if (options.ngram_minimum > options.ngram_maximum)
    return invalid_input(
        fmt::format("ngrams {} to {}: expected ascending", options.ngram_minimum, options.ngram_maximum));
  terms.sublinear = options.sublinear_tf;
  terms.unicode_case = true;
  terms.shortest_word = static_cast<std::uint8_t>(options.shortest_word);
  terms.norm = options.norm == "l2"   ? model::Terms::Norm::l2
               : options.norm == "l1" ? model::Terms::Norm::l1
                                      : model::Terms::Norm::none;
  // Each different text once, weighed by how often it occurs.
  std::vector<std::int64_t> times(column.dictionary.size());
  for (const std::uint32_t row : rows)
    if (column.codes[row] >= 0) ++times[static_cast<std::size_t>(column.codes[row])];
  std::map<std::string, Occurrences> vocabulary;
  std::unordered_map<std::string, std::int64_t> of_text;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] == 0) continue;
    of_text.clear();
    model::for_each_term(column.dictionary[i], terms, [&](std::string_view term) { ++of_text[std::string(term)]; });
    for (const auto& [term, count] : of_text) {
      Occurrences& known = vocabulary[term];
      known.texts += times[i];
      known.all += count * times[i];
    }
  }
  const auto texts = static_cast<std::int64_t>(rows.size());
  const double least = as_count(options.min_df, texts, false), most = as_count(options.max_df, texts, true);
  std::vector<std::pair<std::string, Occurrences>> kept;
  for (auto& [term, known] : vocabulary)
    if (static_cast<double>(known.texts) >= least && static_cast<double>(known.texts) <= most)
      kept.emplace_back(term, known);
  if (kept.size() > static_cast<std::size_t>(options.max_features)) {
    std::stable_sort(kept.begin(), kept.end(),
                     [](const auto& a, const auto& b) { return a.second.all > b.second.all; });
    kept.resize(static_cast<std::size_t>(options.max_features));
    std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  if (kept.empty())
    return invalid_input(fmt::format("no term is left of {} ({} texts, min_df {}, max_df {})", vocabulary.size(), texts,
                                     options.min_df, options.max_df));
  const double smooth = options.smooth_idf ? 1 : 0;
  for (auto& [term, known] : kept) {
    const double idf =
        std::log((static_cast<double>(texts) + smooth) / (static_cast<double>(known.texts) + smooth)) + 1;
    terms.weights.push_back(options.use_idf ? static_cast<float>(idf) : 1.0F);
    terms.terms.push_back(std::move(term));
  }
  return terms;
}

}  // namespace slipway::features
