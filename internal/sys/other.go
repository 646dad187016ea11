//go:build !linux

package sys

var _ = atrium_needs_Linux // pickle and ndarray/npy build everywhere; everything that shares memory needs Linux
