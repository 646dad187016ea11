// Package layout owns the binary layouts of what lies in a Space, one file for each, with the offsets, sizes and
// versions that other languages rely on (docs/formats), and gives typed access to the mapped bytes. Everything is
// little-endian; fields that several processes change are atomics on their natural alignment.
package layout
