package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/jobs"
	"github.com/connectorhost/connectorhost/host/internal/store"
)

// KindUpkeep is the kind of job that tidies up after deliveries.
const KindUpkeep = "webhook-upkeep"

const (
	workers     = 64 // deliveries at once by one host
	upkeepEvery = 10 * time.Minute
	upkeepBatch = 500
	// overdue is how long a delivery is due before it is looked whether there is a job
	// for it. There always should be.
	overdue = 3 * longTurn
)

// Kinds are the jobs that a courier does.
func (c *Courier) Kinds() []jobs.Kind {
	return []jobs.Kind{
		{Name: store.KindWebhook, Workers: workers, Timeout: 4 * AttemptTimeout, Work: c.deliverJob},
		{Name: KindUpkeep, Workers: 1, Timeout: time.Minute, Every: upkeepEvery, Work: c.upkeepJob},
	}
}

func (c *Courier) deliverJob(ctx context.Context, job jobs.Job) (jobs.Next, error) {
	done, next, err := c.Deliver(ctx, job.Subject)
	if done || err != nil {
		return jobs.Next{}, err
	}
	return jobs.Next{In: max(next, time.Millisecond)}, nil
}

// upkeepJob deletes deliveries that are too old to matter, and calls for the jobs of
// those that somehow lost theirs.
func (c *Courier) upkeepJob(ctx context.Context, _ jobs.Job) (jobs.Next, error) {
	for {
		n, err := c.Store.ExpireDeliveries(ctx, upkeepBatch)
		if err != nil {
			return jobs.Next{}, err
		}
		if n < upkeepBatch {
			break
		}
	}
	var from store.Mark
	for {
		ids, next, err := c.Store.DueDeliveries(ctx, c.Now().Add(-overdue), from, upkeepBatch)
		if err != nil {
			return jobs.Next{}, err
		}
		list := make([]store.Job, len(ids))
		for i, id := range ids {
			list[i] = store.Job{Kind: store.KindWebhook, Subject: id}
		}
		found, err := c.Jobs.Add(ctx, list...)
		if err != nil {
			return jobs.Next{}, fmt.Errorf("calling for deliveries: %w", err)
		}
		if found > 0 {
			c.Logger.WarnContext(ctx, "webhooks had lost their jobs", "count", found)
		}
		if len(ids) < upkeepBatch {
			return jobs.Next{}, nil
		}
		from = next
	}
}
