// What the console asks of htmx before it starts: nothing of it needs a relaxed policy.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
