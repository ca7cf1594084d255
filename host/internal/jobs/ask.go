package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A Waiting is a job that waits or is being done, for people to see.
type Waiting struct {
	Kind    string
	Due     time.Time // when it is to be done next; in the past if it is due or under way
	Running bool      // it is being done
	Tries   int       // how often it was done and is to be done again
	Error   string    // of the last go; empty if there was none
}

// Waiting lists the jobs there are for a subject, those due first first.
func (q *Queue) Waiting(ctx context.Context, subject string) ([]Waiting, error) {
	var found []struct {
		Kind   string
		State  string
		Due    time.Time
		Memory memory
	}
	if err := q.ask(ctx, q.db.waiting(), subject, &found); err != nil {
		return nil, fmt.Errorf("jobs for %s: %w", subject, err)
	}
	list := make([]Waiting, len(found))
	for i, f := range found {
		list[i] = Waiting{Kind: f.Kind, Due: f.Due.UTC(), Running: f.State == "running", Tries: f.Memory.Tries, Error: f.Memory.Error}
	}
	slices.SortFunc(list, func(a, b Waiting) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Kind, b.Kind)) })
	return list, nil
}

// Without returns those of the subjects for which there is no job of a kind, neither
// waiting nor being done.
func (q *Queue) Without(ctx context.Context, kind string, subjects []string) ([]string, error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	asked, err := json.Marshal(map[string]any{"kind": kind, "subjects": subjects})
	if err != nil {
		return nil, fmt.Errorf("encoding subjects: %w", err)
	}
	var cared []string
	if err := q.ask(ctx, q.db.cared(), string(asked), &cared); err != nil {
		return nil, fmt.Errorf("subjects of %s: %w", kind, err)
	}
	has := make(map[string]bool, len(cared))
	for _, subject := range cared {
		has[subject] = true
	}
	return slices.DeleteFunc(slices.Clone(subjects), func(s string) bool { return has[s] }), nil
}

// A Count is how many jobs of a kind are in a state: "waiting" for their time, "due", or
// "running".
type Count struct {
	Kind  string
	State string
	Count int
}

// Counts counts the jobs that are not done. It reads an index of all of them, so it is for
// metrics, not for every request.
func (q *Queue) Counts(ctx context.Context) ([]Count, error) {
	var counts []Count
	if err := q.ask(ctx, q.db.counts(), "", &counts); err != nil {
		return nil, fmt.Errorf("counting jobs: %w", err)
	}
	slices.SortFunc(counts, func(a, b Count) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.State, b.State)) })
	return counts, nil
}

func (q *Queue) ask(ctx context.Context, query, arg string, to any) error {
	raw, err := q.db.ask(ctx, query, arg)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}
