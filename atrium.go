package atrium

import (
	_ "example.com/atrium/engine"         // what workers run
	_ "example.com/atrium/engine/cluster" // and what nodes of a cluster do
	"example.com/atrium/internal/version"
	"example.com/atrium/process"
)

// Version of atrium, by semantic versioning.
const Version = version.Version

// Main must be the first thing main does (and TestMain, in tests that start pools). In a worker process it runs the
// worker and never returns; in every other process it returns at once.
func Main() { process.Main() }
