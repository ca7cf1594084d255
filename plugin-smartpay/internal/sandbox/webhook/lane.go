package webhook

import (
	"container/heap"
	"context"
	"time"
)

// job is a message and its next try.
type job struct {
	message Message
	number  int
	due     time.Time
	seq     int           // breaks ties: first sent, first tried
	behind  int           // others in the lane to let pass first
	tried   chan struct{} // closed after the try, if someone waits for it
}

func (j job) done() {
	if j.tried != nil {
		close(j.tried)
	}
}

// lane is the queue of one endpoint, ordered by when a try is due. All but
// sleep is guarded by the dispatcher's lock.
type lane struct {
	jobs jobs
	sent int
	held int // jobs that others are to overtake
	wake chan struct{}
}

func (l *lane) add(j job) {
	l.sent++
	if j.behind > 0 {
		l.held++
	}
	j.seq = l.sent
	heap.Push(&l.jobs, j)
}

// take removes the first job. Those it was to overtake have one less to wait for.
func (l *lane) take(now time.Time) job {
	j, _ := heap.Pop(&l.jobs).(job)
	if j.behind > 0 {
		l.held-- // it waited long enough
	}
	if l.held == 0 {
		return j
	}
	for i := range l.jobs {
		if held := &l.jobs[i]; held.behind > 0 {
			if held.behind--; held.behind == 0 {
				held.due = now
				l.held--
			}
		}
	}
	heap.Init(&l.jobs)
	return j
}

func (l *lane) kick() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// sleep waits for the time to pass, a kick, or the end of ctx.
func (l *lane) sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.wake:
	case <-ctx.Done():
	}
}

type jobs []job

func (h jobs) Len() int      { return len(h) }
func (h jobs) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h jobs) Less(i, j int) bool {
	if h[i].due.Equal(h[j].due) {
		return h[i].seq < h[j].seq
	}
	return h[i].due.Before(h[j].due)
}

// Push implements [heap.Interface].
func (h *jobs) Push(x any) {
	if j, ok := x.(job); ok {
		*h = append(*h, j)
	}
}

// Pop implements [heap.Interface].
func (h *jobs) Pop() any {
	last := len(*h) - 1
	j := (*h)[last]
	(*h)[last] = job{}
	*h = (*h)[:last]
	return j
}
