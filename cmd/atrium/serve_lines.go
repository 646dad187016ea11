package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"example.com/atrium/connection"
	"example.com/atrium/pickle"
)

// served is what serve prints once clients can connect.
type served struct {
	Address string    `json:"address"`
	Keyfile string    `json:"authkey_file,omitempty"` // none when the key is in $ATRIUM_AUTHKEY
	Pid     int       `json:"pid"`
	Health  string    `json:"health,omitempty"` // HOST:PORT
	Shares  []shareOf `json:"shares,omitempty"`
}

// printServed prints how to connect. The text is a Python program.
func printServed(w io.Writer, asJSON bool, s served) error {
	if asJSON {
		return printJSON(w, struct {
			served
			Python string `json:"python"`
			Go     string `json:"go"`
		}{s, s.python(), s.goLines()})
	}
	comment := strings.ReplaceAll("\n"+strings.TrimSuffix(s.goLines(), "\n"), "\n", "\n#\t")
	_, err := fmt.Fprintf(w, "# Serving at %s. In Go:%s\n# In Python:\n%s", s.Address, comment, s.python())
	return err
}

// goLines are those that connect a Go program.
func (s served) goLines() string {
	key := "key, err := os.ReadFile(" + strconv.Quote(s.Keyfile) + ")\nkey = bytes.TrimSuffix(key, []byte(\"\\n\"))\n"
	if s.Keyfile == "" {
		key = "key := []byte(os.Getenv(\"" + keyEnv + "\"))\n"
	}
	return key + "m, err := manager.Dial(ctx, " + strconv.Quote(reachable(s.Address)) + ", connection.Config{Authkey: key})\n"
}

// python are the lines that connect a stock Python.
func (s served) python() string {
	where, err := connection.PythonAddress(reachable(s.Address))
	if err != nil {
		return fmt.Sprintf("# not from here: %s\n", message(err))
	}
	imports, key := "", fmt.Sprintf("open(%s, 'rb').read()", pickle.Repr(s.Keyfile))
	if s.Keyfile == "" {
		imports, key = "import os\n", "os.environb[b'"+keyEnv+"']"
	} else {
		key += `.removesuffix(b'\n')`
	}
	registers, classes := registration(s.Shares)
	return strings.Join(slices.Concat([]string{
		"import multiprocessing",
		imports + "from multiprocessing.managers import " + strings.Join(append(classes, "SyncManager"), ", "),
		"",
	}, registers, []string{
		"key = " + key,
		"multiprocessing.current_process().authkey = key  # of proxies that are in values, or in other processes",
		"m = SyncManager(" + where + ", authkey=key)",
		"m.connect()",
		"",
	}), "\n")
}

// reachable is an address that clients on this machine can connect to.
func reachable(address string) string {
	hostPort, tcp := strings.CutPrefix(address, "tcp:")
	host, port, err := net.SplitHostPort(hostPort)
	if ip := net.ParseIP(host); !tcp || err != nil || ip == nil || !ip.IsUnspecified() {
		return address
	}
	return "tcp:" + net.JoinHostPort("127.0.0.1", port)
}
