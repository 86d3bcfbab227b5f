#pragma once

namespace slipway::app {

// The Python program that run_other_engines runs: engine_script PACKAGE_FOLDER WORK_FOLDER, with about.json, rows.csv,
// scores.csv and labels.csv in the second; prints a JSON line per engine.
extern const char* const engine_script;

}  // namespace slipway::app
