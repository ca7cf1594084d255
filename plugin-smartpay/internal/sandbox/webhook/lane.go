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
	seq     int // breaks ties: first sent, first tried
}

// lane is the queue of one endpoint, ordered by when a try is due. All but
// sleep is guarded by the dispatcher's lock.
type lane struct {
	jobs jobs
	sent int
	wake chan struct{}
}

func (l *lane) add(j job) {
	l.sent++
	j.seq = l.sent
	heap.Push(&l.jobs, j)
}

func (l *lane) take() job {
	j, _ := heap.Pop(&l.jobs).(job)
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
