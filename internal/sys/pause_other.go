//go:build linux && !amd64 && !arm64

package sys

// Pause is a few empty turns where no instruction says that this is a spin loop.
func Pause(n uint32) {
	for range n {
	}
}
