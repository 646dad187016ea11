package psync_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

// The loop of whoever uses a lock that its owner may have died with.
func ExampleMutex() {
	s, err := shm.Open("example-psync")
	if err != nil {
		log.Fatal(err)
	}
	defer shm.RemoveSpace(s.Path())
	defer s.Close()
	m, err := psync.OpenMutex(s, "accounts.lock") // any process of this user may do the same
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	err = m.Lock(context.Background())
	if errors.Is(err, psync.ErrOwnerDead) {
		// Somebody was killed while it changed the accounts. Mend them, then:
		err = m.MarkConsistent()
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("held by this process:", m.State().Holders[0].Owner == s.Owner())
	if err := m.Unlock(); err != nil {
		log.Fatal(err)
	}
	// Output: held by this process: true
}
