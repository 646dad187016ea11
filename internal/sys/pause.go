//go:build linux && (amd64 || arm64)

package sys

// Pause tells the processor n times that this is a spin loop: 10 to 40 ns each on x86.
//
//go:noescape
func Pause(n uint32)
