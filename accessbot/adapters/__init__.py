"""The machines behind the ports: the only room of the product that imports redis, rq, googleapiclient and boto3."""
