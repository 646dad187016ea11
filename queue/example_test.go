package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// A queue of jobs that any process may put and get.
func Example() {
	s, err := shm.Open("example-queue")
	if err != nil {
		log.Fatal(err)
	}
	defer shm.RemoveSpace(s.Path())
	defer s.Close()
	type job struct {
		Name  string
		Sizes []int
	}
	jobs, err := queue.Open[job](s, "jobs", queue.Config{Capacity: 100}) // the others do the same
	if err != nil {
		log.Fatal(err)
	}
	defer jobs.Close()

	ctx := context.Background()
	for _, name := range []string{"first", "second"} {
		if err := jobs.Put(ctx, job{name, []int{1, 2}}); err != nil {
			log.Fatal(err)
		}
	}
	if err := jobs.Shut(); err != nil { // no more will come
		log.Fatal(err)
	}
	for {
		j, err := jobs.Get(ctx)
		if errors.Is(err, queue.ErrShut) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(j.Name, j.Sizes)
	}
	// Output:
	// first [1 2]
	// second [1 2]
}
