#include <set>

#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/unicode.hpp>
#include <slipway/model/terms.hpp>

namespace slipway::model {

namespace {

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 127 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         byte == '_';
}

// Where the words or code points of a text begin and end.
struct Piece {
  std::size_t begin, end;
};

std::vector<Piece> words_of(std::string_view text) {
  std::vector<Piece> pieces;
  std::size_t i = 0;
  while (i < text.size()) {
    while (i < text.size() && !is_word_byte(text[i])) ++i;
    const std::size_t begin = i;
    while (i < text.size() && is_word_byte(text[i])) ++i;
    if (i > begin) pieces.push_back({begin, i});
  }
  return pieces;
}

std::vector<Piece> code_points_of(std::string_view text) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool continues = (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
    if (continues && !pieces.empty()) {
      pieces.back().end = i + 1;
    } else {
      pieces.push_back({i, i + 1});
    }
  }
  return pieces;
}

// In code points.
std::size_t length_of(std::string_view text, const Piece& piece) {
  std::size_t length = 0;
  for (std::size_t i = piece.begin; i < piece.end; ++i)
    length += (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 ? 1 : 0;
  return length;
}

}  // namespace

void for_each_term(std::string_view text, const Terms& shape, const std::function<void(std::string_view term)>& found) {
  const std::string lower = shape.unicode_case ? unicode_lower_case(text) : lower_case(text);
  std::vector<Piece> pieces = shape.unit == Terms::Unit::word ? words_of(lower) : code_points_of(lower);
  if (shape.unit == Terms::Unit::word && shape.shortest_word > 1)
    std::erase_if(pieces, [&](const Piece& word) { return length_of(lower, word) < shape.shortest_word; });
  std::string joined;
  for (int length = shape.minimum_length; length <= shape.maximum_length; ++length) {
    for (std::size_t first = 0; first + static_cast<std::size_t>(length) <= pieces.size(); ++first) {
      const std::size_t last = first + static_cast<std::size_t>(length) - 1;
      if (shape.unit == Terms::Unit::character || length == 1) {
        found(std::string_view(lower).substr(pieces[first].begin, pieces[last].end - pieces[first].begin));
        continue;
      }
      joined.clear();
      for (std::size_t i = first; i <= last; ++i) {
        if (i > first) joined += ' ';
        joined.append(lower, pieces[i].begin, pieces[i].end - pieces[i].begin);
      }
      found(joined);
    }
  }
}

bool can_occur(const Terms& shape, std::string_view term) {
  bool found = false;
  for_each_term(term, shape, [&](std::string_view one) { found = found || one == term; });
  return found;
}

std::vector<std::pair<std::string, std::string>> upper_forms_in_terms(const Terms& terms) {
  std::vector<std::pair<std::string, std::string>> forms;
  if (!terms.unicode_case) return forms;
  std::set<char32_t> known;
  for (const std::string& term : terms.terms)
    for (const char32_t c : characters_of(term)) known.insert(c);
  const auto text = [](char32_t c) {
    std::string one;
    append_character(one, c);
    return one;
  };
  for (const char32_t c : known)
    for (const char32_t form : upper_forms(c))
      if (form > 0x7f) forms.emplace_back(text(form), text(c));
  return forms;
}

std::size_t TermWeigher::Hash::operator()(std::string_view text) const { return hash_bytes(text); }

TermWeigher::TermWeigher(const Terms& terms) : shape_(terms) {
  shape_.terms.clear();
  for (std::uint32_t i = 0; i < terms.terms.size(); ++i) index_.emplace(terms.terms[i], i);
}

void TermWeigher::weigh(std::string_view text, std::span<float> row) const {
  std::fill(row.begin(), row.end(), 0.0F);
  for_each_term(text, shape_, [&](std::string_view term) {
    if (const auto found = index_.find(term); found != index_.end()) row[found->second] += 1.0F;
  });
  float norm = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (shape_.sublinear && row[i] > 0) row[i] = 1.0F + std::log(row[i]);
    row[i] = row[i] * shape_.weights[i];
    if (shape_.norm == Terms::Norm::l1) norm += std::fabs(row[i]);
    if (shape_.norm == Terms::Norm::l2) norm += row[i] * row[i];
  }
  if (shape_.norm == Terms::Norm::l2) norm = std::sqrt(norm);
  if (norm > 0)
    for (float& value : row) value = value / norm;
}

}  // namespace slipway::model
