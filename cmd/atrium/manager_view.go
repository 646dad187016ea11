package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"example.com/atrium/manager"
	"example.com/atrium/shm"
)

// managerView is a manager that runs, and what it said.
type managerView struct {
	managerFile
	Owner   *owner          `json:"owner"`            // the process
	Status  *manager.Status `json:"status,omitempty"` // without objects
	Problem string          `json:"problem,omitempty"`
}

// askMost is how long ls waits for managers to answer, all together.
const askMost = time.Second

// ask finds the managers in the Space, and asks them how they are.
func (v *spaceView) ask(ctx context.Context) {
	for _, o := range v.Objects {
		if o.Manager != nil && !o.Lost {
			v.Managers = append(v.Managers, managerView{managerFile: *o.Manager, Owner: o.Owner})
		}
	}
	ctx, stop := context.WithTimeoutCause(ctx, askMost, errors.New("it does not answer"))
	defer stop()
	var all sync.WaitGroup
	for i := range v.Managers {
		all.Go(func() {
			m := &v.Managers[i]
			key, err := keyOf(m.managerFile)
			if err == nil {
				var st manager.Status
				if st, err = manager.Look(ctx, m.Address, key, 0); err == nil {
					m.Status = &st
					return
				}
			}
			m.Problem = plain(message(err))
		})
	}
	all.Wait()
}

// keyOf is the key of a manager.
func keyOf(f managerFile) ([]byte, error) {
	if f.Keyfile != "" {
		return readKey(f.Keyfile)
	}
	if env := os.Getenv(keyEnv); env != "" {
		return []byte(env), nil
	}
	return nil, errors.New("its key is needed to ask it: set " + keyEnv + ", or use --authkey-file of atrium inspect")
}

func (v *spaceView) printManagers(t *tabwriter.Writer, now time.Time) error {
	if len(v.Managers) == 0 {
		return nil
	}
	fmt.Fprintln(t, "\nMANAGER\tPID\tSERVES FOR\tOBJECTS\tCLIENTS\tCALLS\tHEAP")
	for _, m := range v.Managers {
		fmt.Fprintf(t, "%s\t%d\t", plain(m.Address), m.Owner.Pid)
		if st := m.Status; st != nil {
			objects := 0
			for _, n := range st.Types {
				objects += n
			}
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\n", age(now.Sub(st.Started)), objects, len(st.Clients), st.Counts.Calls(), shm.Bytes(st.Heap))
		} else {
			fmt.Fprintf(t, "%s\n", m.Problem)
		}
	}
	return t.Flush()
}

// isAddress tells the address of a manager from a name.
func isAddress(s string) bool {
	scheme, _, ok := strings.Cut(s, ":")
	return ok && (scheme == "unix" || scheme == "abstract" || scheme == "tcp")
}

// findManager gives what is known of the manager at an address.
func findManager(address, keyfile string) managerFile {
	f := managerFile{Address: address, Keyfile: keyfile}
	if keyfile != "" {
		return f
	}
	if v, err := look(shm.DefaultPath()); err == nil { // without a Space there are other ways
		for _, o := range v.Objects {
			if o.Manager != nil && !o.Lost && o.Manager.Address == address {
				return *o.Manager
			}
		}
	}
	if beside, err := keyBeside(address); err == nil && os.Getenv(keyEnv) == "" {
		f.Keyfile = beside
	}
	return f
}

// clientTitle names a client by what it says of itself.
func clientTitle(c manager.ClientStatus) string { return plain(cmp.Or(c.Name, "-")) }
