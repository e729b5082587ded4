//! The service's own side.

use longrun_api::longrun::v1::{
    CancelRecordRequest, CreateOperationRequest, DeleteRecordRequest, FinishOperationRequest,
    GetRecordRequest, LeaseOperationsRequest, ListRecordsRequest, ListRecordsResponse,
    OperationRecord, RejectOperationRequest, ReleaseLeaseRequest, RenewLeaseRequest,
    UpdateRecordRequest,
};

use crate::{Client, ClientError};

impl Client {
    /// Creates a record.
    ///
    /// # Errors
    /// As the server says.
    pub async fn create_operation(
        &self,
        request: CreateOperationRequest,
    ) -> Result<OperationRecord, ClientError> {
        Ok(self.backend.clone().create_operation(request).await?.into_inner())
    }

    /// The record `services/{service}/{operation name}`.
    ///
    /// # Errors
    /// As the server says.
    pub async fn get_record(&self, name: &str) -> Result<OperationRecord, ClientError> {
        let request = GetRecordRequest { name: name.to_owned() };
        Ok(self.backend.clone().get_record(request).await?.into_inner())
    }

    /// A page of records.
    ///
    /// # Errors
    /// As the server says.
    pub async fn list_records(
        &self,
        request: ListRecordsRequest,
    ) -> Result<ListRecordsResponse, ClientError> {
        Ok(self.backend.clone().list_records(request).await?.into_inner())
    }

    /// Writes metadata, labels, expire time or deadline.
    ///
    /// # Errors
    /// As the server says: `ABORTED` with `ETAG_MISMATCH` when somebody wrote in between.
    pub async fn update_record(
        &self,
        request: UpdateRecordRequest,
    ) -> Result<OperationRecord, ClientError> {
        Ok(self.backend.clone().update_record(request).await?.into_inner())
    }

    /// Cancels as a client would.
    ///
    /// # Errors
    /// As the server says.
    pub async fn cancel_record(&self, name: &str) -> Result<OperationRecord, ClientError> {
        let request = CancelRecordRequest { name: name.to_owned() };
        Ok(self.backend.clone().cancel_record(request).await?.into_inner())
    }

    /// Deletes as a client would.
    ///
    /// # Errors
    /// As the server says.
    pub async fn delete_record(&self, name: &str) -> Result<(), ClientError> {
        let request = DeleteRecordRequest { name: name.to_owned() };
        self.backend.clone().delete_record(request).await?;
        Ok(())
    }

    /// Leases pending records, each with its token.
    ///
    /// # Errors
    /// As the server says.
    pub async fn lease(
        &self,
        request: LeaseOperationsRequest,
    ) -> Result<Vec<OperationRecord>, ClientError> {
        Ok(self.backend.clone().lease_operations(request).await?.into_inner().records)
    }

    /// Keeps a lease and reports progress; the answer tells of a cancel request.
    ///
    /// # Errors
    /// As the server says: `ABORTED` with `LEASE_LOST` when the record is no longer ours.
    pub async fn renew(&self, request: RenewLeaseRequest) -> Result<OperationRecord, ClientError> {
        Ok(self.backend.clone().renew_lease(request).await?.into_inner())
    }

    /// Gives a leased record back.
    ///
    /// # Errors
    /// As the server says.
    pub async fn release(
        &self,
        request: ReleaseLeaseRequest,
    ) -> Result<OperationRecord, ClientError> {
        Ok(self.backend.clone().release_lease(request).await?.into_inner())
    }

    /// Lets a call that is held for admission fail.
    ///
    /// # Errors
    /// As the server says: `FAILED_PRECONDITION` with `OPERATION_ADMITTED` when it isn't held,
    /// or no longer.
    pub async fn reject(&self, request: RejectOperationRequest) -> Result<(), ClientError> {
        self.backend.clone().reject_operation(request).await?;
        Ok(())
    }

    /// Ends the work.
    ///
    /// # Errors
    /// As the server says.
    pub async fn finish(
        &self,
        request: FinishOperationRequest,
    ) -> Result<OperationRecord, ClientError> {
        Ok(self.backend.clone().finish_operation(request).await?.into_inner())
    }
}
