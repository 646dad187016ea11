package main

import (
	"context"
	"errors"
	"os"
	"strconv"

	"example.com/atrium/connection"
	"example.com/atrium/manager"
	"example.com/atrium/process"
)

// shared is what the server has, as a Go program sees it.
type shared struct {
	*manager.Client
	items   manager.List[*int] // nil: there will be no more
	changed manager.Condition
	taken   manager.Dict[string, []int]
}

func dial(ctx context.Context, socket, keyfile string) (*shared, error) {
	key, err := os.ReadFile(keyfile)
	if err != nil {
		return nil, err
	}
	c, err := manager.Dial(ctx, "unix:"+socket, connection.Config{Authkey: key})
	if err != nil {
		return nil, err
	}
	s := &shared{Client: c}
	for name, proxy := range map[string]*manager.Proxy{"get_items": &s.items.Proxy, "get_changed": &s.changed.Proxy, "get_taken": &s.taken.Proxy} {
		if *proxy, err = c.New(ctx, name); err != nil {
			c.Close()
			return nil, err
		}
	}
	return s, nil
}

// produce is what client.py does in Python.
var produce = process.Func("produce", func(ctx context.Context, args []string) error {
	s, err := dial(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	defer s.Close()
	count, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	consumers, err := strconv.Atoi(args[4])
	if err != nil {
		return err
	}
	for i := range count {
		if err := s.put(ctx, &i); err != nil {
			return err
		}
	}
	for range consumers {
		if err := s.put(ctx, nil); err != nil {
			return err
		}
	}
	return nil
})

func (s *shared) put(ctx context.Context, item *int) (err error) {
	if err := s.changed.Acquire(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.changed.Release(ctx)) }()
	if err := s.items.Append(ctx, item); err != nil {
		return err
	}
	return s.changed.Notify(ctx, 1)
}

// consume is what client.py does in Python.
var consume = process.Func("consume", func(ctx context.Context, args []string) error {
	s, err := dial(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	defer s.Close()
	mine := []int{}
	for {
		item, err := s.take(ctx)
		if err != nil {
			return err
		}
		if item == nil {
			return s.taken.Set(ctx, args[2], mine)
		}
		mine = append(mine, *item)
	}
})

func (s *shared) take(ctx context.Context) (item *int, err error) {
	if err := s.changed.Acquire(ctx); err != nil { // from here on nobody else looks or takes,
		return nil, err
	}
	defer func() { err = errors.Join(err, s.changed.Release(ctx)) }()
	for {
		n, err := s.items.Len(ctx)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			return s.items.Pop(ctx, 0)
		}
		if err := s.changed.Wait(ctx); err != nil { // except while this waits
			return nil, err
		}
	}
}
