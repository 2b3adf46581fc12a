-- A busted helper: the collector starts its next cycle as soon as one has ended, and takes large steps.
-- Whatever is not anchored is gone before anyone looks again.
collectgarbage "incremental"
collectgarbage("setpause", 0)
collectgarbage("setstepmul", 1000)
