package connection

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"example.com/atrium/pickle"
)

// maxPath is the longest path that both Go and Python can give the kernel as a socket's.
const maxPath = 107

// address is one that was parsed.
type address struct {
	scheme string // "unix", "abstract", "tcp"
	name   string // absolute path; name; HOST:PORT
}

func (a address) String() string { return a.scheme + ":" + a.name }

// network and target are what package net calls it.
func (a address) network() string {
	if a.scheme != "tcp" {
		return "unix"
	}
	if host, _, _ := net.SplitHostPort(a.name); strings.Contains(host, ":") {
		return "tcp6"
	}
	return "tcp4" // a stock Python client speaks nothing else, and names have to mean the same to both
}

func (a address) target() string {
	if a.scheme == "abstract" {
		return "@" + a.name
	}
	return a.name
}

func parse(s string) (address, error) {
	scheme, name, ok := strings.Cut(s, ":")
	wrong := func(format string, args ...any) (address, error) {
		return address{}, fmt.Errorf("%w; %s", ErrAddress, fmt.Sprintf(format, args...))
	}
	if !ok || name == "" {
		return wrong("%q has no name after a colon", s)
	}
	switch scheme {
	case "unix":
		if strings.ContainsRune(name, 0) {
			return wrong("a path has no NUL")
		}
		path, err := filepath.Abs(name)
		if err != nil {
			return wrong("%v", err)
		}
		if len(path) > maxPath {
			return wrong("the path %s has %d bytes, and a socket's at most %d", path, len(path), maxPath)
		}
		return address{scheme, path}, nil
	case "abstract":
		if strings.ContainsRune(name, 0) {
			return wrong("atrium takes no NUL in an abstract name")
		}
		if len(name) > maxPath {
			return wrong("the name has %d bytes, at most %d are possible", len(name), maxPath)
		}
		return address{scheme, name}, nil
	case "tcp":
		host, port, err := net.SplitHostPort(name)
		if err != nil {
			return wrong("%v", err)
		}
		if host == "" {
			return wrong("%q names no host: say 127.0.0.1 for this machine only, or 0.0.0.0 for all that can reach it", s)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
			return wrong("%q is no port", port)
		}
		return address{scheme, name}, nil
	}
	return wrong("%q is no kind of address", scheme)
}

// CheckAddress tells what is wrong with an address, without looking who is there: ErrAddress, or nil.
func CheckAddress(address string) error {
	_, err := parse(address)
	return wrap("name", address, err)
}

// PythonAddress writes an address as a Python expression, which Client and Listener of multiprocessing.connection take. Python
// has no IPv6 there: ErrAddress.
func PythonAddress(address string) (string, error) {
	a, err := parse(address)
	if err != nil {
		return "", wrap("name", address, err)
	}
	switch a.scheme {
	case "abstract":
		return pickle.Repr("\x00" + a.name), nil
	case "tcp":
		host, port, _ := net.SplitHostPort(a.name)
		if ip, err := netip.ParseAddr(host); err == nil && !ip.Is4() {
			return "", wrap("name", address, fmt.Errorf("%w; Python's Client reaches IPv4 only", ErrAddress))
		}
		return "(" + pickle.Repr(host) + ", " + port + ")", nil
	}
	return pickle.Repr(a.name), nil
}
