package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"example.com/atrium/shm"
)

// managerFile is what a running `atrium serve` keeps in the Space, as an unnamed file: JSON in a line (docs/formats/manager.md). It goes
// with its process, as all unnamed files do, so that ls finds living managers and no others.
type managerFile struct {
	Format  int    `json:"atrium_manager"`
	Address string `json:"address"`
	Keyfile string `json:"authkey_file,omitempty"`
}

// managerMagic is how it begins.
var managerMagic = []byte(`{"atrium_manager":`)

// readManagerFile is nil for another file.
func readManagerFile(b []byte) (*managerFile, error) {
	if !bytes.HasPrefix(b, managerMagic) {
		return nil, nil
	}
	var f managerFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("it begins as a manager's, but: %w", err)
	}
	if f.Format != 1 {
		return nil, fmt.Errorf("it is of version %d; this release reads version 1", f.Format)
	}
	return &f, nil
}

// register has ls and inspect find the manager. It serves without that too.
func register(f managerFile, log *serverLog) (unregister func()) {
	space, err := shm.Open("")
	if err != nil {
		log.Warn("atrium ls does not show this manager", "error", message(err))
		return func() {}
	}
	leave := func() {
		if err := space.Close(); err != nil {
			log.Warn("the Space could not be left", "error", message(err))
		}
	}
	text, err := json.Marshal(f)
	var g *shm.Segment
	if err == nil {
		text = append(text, '\n')
		g, err = space.Create("", int64(len(text)), func(b []byte) error { copy(b, text); return nil })
	}
	if err != nil {
		log.Warn("atrium ls does not show this manager", "error", message(err))
		return leave
	}
	return func() {
		if err := g.Close(); err != nil {
			log.Warn("what ls finds this manager by is left", "error", message(err))
		}
		leave()
	}
}
