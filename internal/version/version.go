// Package version holds atrium's release number, which the program prints and the formats carry.
package version

// Version of this release, by semantic versioning.
const Version = "0.1.0"

// Format is the version of everything that lies in a Space; it is part of a Space's path, so that two
// releases with different formats never meet in one.
const Format = 1
