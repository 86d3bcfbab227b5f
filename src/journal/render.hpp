// A record as the text of its line, without sequence and chain, which the writer's thread adds.
#pragma once
#include <string>

#include <slipway/journal/journal.hpp>

namespace slipway::journal {

// The fields that are hidden.
struct Masks {
  std::vector<MaskRule> rules;
  std::string key;
  // The rule of a field, or null.
  const MaskRule* find(std::string_view field) const {
    for (const MaskRule& rule : rules)
      if (rule.field == field) return &rule;
    return nullptr;
  }
};

// Appends `"time":...,"findings":[...]` (no braces, no line feed).
void render_record(std::string& out, const Record& record, const Masks& masks);

}  // namespace slipway::journal
