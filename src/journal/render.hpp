// A record as the text of its line, without sequence and chain, which the writer's thread adds.
#pragma once
#include <string>

#include <slipway/journal/journal.hpp>

namespace slipway::journal {

// Appends `"time":...,"findings":[...]` (no braces, no line feed).
void render_record(std::string& out, const Record& record);

}  // namespace slipway::journal
